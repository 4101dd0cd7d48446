//! What texts of the environment file look like, and how to say so.
//!
//! A pattern stands in the JSON Schema; its wording stands in messages, and as `patternErrorMessage` in the schema,
//! where editors with the YAML language server show it.

/// The name of an environment or a stage. It becomes part of bucket and queue names, so it keeps to what S3 allows.
pub const NAME: &str = r"^[a-z]([a-z0-9]|-[a-z0-9])*$";
pub const REGION: &str = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]$";
pub const ACCOUNT: &str = r"^[0-9]{12}$";
/// The name of a bucket. One with dots goes: its name is only ever a host's behind a path
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
pub const BUCKET: &str = r"^[a-z0-9]((-+|-*\.)?[a-z0-9])*$";
/// A key prefix in a bucket. Narrower than S3, so that no key needs escaping in a policy, a notification or a shell.
pub const PREFIX: &str = r"^[A-Za-z0-9._=+@-]+(/[A-Za-z0-9._=+@-]+)*/$";
/// The end of a key. It begins with a sign and needs no encoding: in the encoded form of a key, digits and letters at its
/// end may be a part of `%C3`.
pub const SUFFIX: &str = r"^[._-][A-Za-z0-9._-]*$";
/// An EC2 instance type, family and size.
pub const INSTANCE_TYPE: &str =
    r"^[a-z][a-z0-9-]*\.(nano|micro|small|medium|large|[0-9]{0,3}xlarge|metal(-[0-9]+xl)?)$";
pub const IMAGE: &str = r"^(al2023|ubuntu-24\.04|ami-[0-9a-f]{8,17}|/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)$";
/// A block device as EC2 names it (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html>).
pub const DEVICE: &str = r"^/dev/(sd|xvd)[a-z][0-9]{0,2}$";
/// A bucket's ARN, with a name as S3 has them (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
pub const BUCKET_ARN: &str = r"^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$";
pub const VPC: &str = r"^vpc-[0-9a-f]{8,17}$";
pub const SUBNET: &str = r"^subnet-[0-9a-f]{8,17}$";
/// By its id, or as what an extra gives.
pub const SECURITY_GROUP: &str = r"^(sg-[0-9a-f]{8,17}|[a-z]([a-z0-9]|-[a-z0-9])*\.[A-Za-z0-9]+)$";
/// The name of a template's output.
pub const OUTPUT: &str = r"^[A-Za-z0-9]+$";
/// The path of a URL, of characters that need no quotes anywhere.
pub const HEALTH: &str = r"^/[A-Za-z0-9/._~-]*$";
/// An IPv4 network.
pub const CIDR: &str =
    r"^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])/(3[0-2]|[12]?[0-9])$";
pub const CERTIFICATE: &str = r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$";
/// A name in DNS, in lower case, with a dot in it.
pub const DOMAIN: &str = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$";
/// What CloudFront calls a group of keys.
pub const KEY_GROUP: &str = r"^[A-Za-z0-9][A-Za-z0-9-]{7,63}$";
/// A web page's origin. Over HTTP only on the same machine: elsewhere, anybody on the way could read a link and use it.
pub const ORIGIN: &str =
    r"^(https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?|http://(localhost|127\.0\.0\.1))(:[1-9][0-9]{0,4})?$";
/// A mailbox, narrower than RFC 5321: nothing that needs quotes.
pub const EMAIL: &str = r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$";
/// A standard topic: the name of a FIFO topic has a dot.
pub const TOPIC: &str = r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$";
pub const POLICY: &str = r"^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$";
/// Where a secret is kept. With its first slash, so that nobody takes the key for the secret itself.
pub const SECRET: &str = r"^(/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*|arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+-[A-Za-z0-9]{6}|\$\{[a-z]([a-z0-9]|-[a-z0-9])*\.[A-Za-z0-9]+\})$";
/// The word that stands for all zones. Speaks of text only: a list of zones is an array.
pub const ALL_ZONES: &str = r"^all$";
/// The name of an Availability Zone, Local Zone or Wavelength Zone.
pub const ZONE: &str = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]([a-z]|-[a-z0-9-]+[a-z])$";
/// The five fields of cron: no seconds, no years, and none of the extensions that Auto Scaling doesn't know.
pub const CRON: &str = r"^([0-9*,/-]|[A-Za-z]{3})+( ([0-9*,/-]|[A-Za-z]{3})+){4}$";
/// What the name of a time zone is made of.
pub const TIME_ZONE: &str = r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$";
/// A length of time. The digits are bounded so that no sum of them overflows.
pub const DURATION: &str = r"^[0-9]{1,6} ?[smhd]( ?[0-9]{1,6} ?[smhd]){0,3}$";
/// A length of time, or for ever.
pub const KEPT_FOR: &str = r"^(forever|[0-9]{1,6} ?[smhd]( ?[0-9]{1,6} ?[smhd]){0,3})$";
pub const SIZE: &str = r"^[0-9]{1,6} ?(MiB|GiB|TiB)$";
/// A resource by its name in the template, in one part or in any.
pub const RESOURCE: &str = r"^([a-z][a-z0-9-]*\.)?[A-Za-z][A-Za-z0-9]*$";
/// A property of a resource, or something in it.
pub const PROPERTY: &str = r"^[A-Za-z][A-Za-z0-9]*(/[A-Za-z0-9_.:-]+)*$";
/// A function's handler (`Handler` of `AWS::Lambda::Function`).
pub const HANDLER: &str = r"^\S+$";
pub const RUNTIME: &str = r"^[a-z][a-z0-9.]*$";
/// Text that isn't empty.
pub const SOMETHING: &str = r"\S";

/// What a value that doesn't match `pattern` should have been, to follow "must be".
pub fn expected(pattern: &str) -> Option<&'static str> {
    Some(match pattern {
        NAME => "lower-case letters, digits and single hyphens, starting with a letter",
        REGION => "an AWS region, such as `us-east-2`",
        ACCOUNT => "an AWS account's twelve digits, in quotes",
        BUCKET => "the name of a bucket: lower-case letters, digits, hyphens and single dots, as `my-files`",
        PREFIX => "a key prefix that ends in `/`, such as `uploads/`, of letters, digits and `. _ = + @ -`",
        SUFFIX => "the end of a key that begins with `.`, `_` or `-`, such as `.png`, of letters, digits and these",
        INSTANCE_TYPE => "an EC2 instance type, such as `t4g.small`",
        IMAGE => "`al2023`, `ubuntu-24.04`, an AMI (`ami-…`), or the path of an SSM parameter (`/…`)",
        DEVICE => "the name of a device, such as `/dev/sda1`",
        BUCKET_ARN => "the ARN of a bucket (`arn:aws:s3:::…`)",
        VPC => "the id of a VPC (`vpc-…`)",
        SUBNET => "the id of a subnet (`subnet-…`)",
        SECURITY_GROUP => "the id of a security group (`sg-…`), or what an extra gives (`db.SecurityGroupId`)",
        OUTPUT => "the name of an output in the template, of letters and digits",
        HEALTH => "a path such as `/health`, of letters, digits and `/ . _ ~ -`",
        CIDR => "an IPv4 network, such as `203.0.113.0/24`; one address ends in `/32`",
        CERTIFICATE => "the ARN of a certificate of ACM (`arn:aws:acm:…:certificate/…`)",
        DOMAIN => "a name in DNS such as `files.example.com`, in lower case, without `https://`",
        KEY_GROUP => "the id of a CloudFront key group, of letters, digits and `-`",
        ORIGIN => "an origin, such as `https://app.example.com`, or `http://localhost:8080`",
        EMAIL => "an e-mail address, such as `ops@example.com`",
        TOPIC => "the ARN of a standard SNS topic (`arn:aws:sns:…`)",
        POLICY => "the ARN of a managed policy (`arn:aws:iam::…:policy/…`)",
        SECRET => {
            "the path of an SSM parameter (`/app/db`), the whole ARN of a Secrets Manager secret \
             (`arn:aws:secretsmanager:…:secret:app/db-AbC123`), or what an extra gives (`${db.SecretArn}`)"
        }
        ALL_ZONES => "`all`, or a list of zones",
        ZONE => "the name of a zone, such as `us-east-2a`",
        CRON => "the five fields of cron with a space between them, such as `0 18 * * MON-FRI`",
        TIME_ZONE => "the IANA name of a time zone, such as `Europe/Berlin`",
        DURATION => "a length of time: a number with `s`, `m`, `h` or `d`, such as `90s`, `2m` or `1h 30m`",
        KEPT_FOR => "a length of time, such as `30d`, or `forever`",
        SIZE => "a size: a number with `MiB`, `GiB` or `TiB`, such as `20 GiB`",
        RESOURCE => "the name of a resource in its template, such as `Queue`, or `move.Queue` for one part only",
        PROPERTY => "a property, such as `VisibilityTimeout` or `RedrivePolicy/maxReceiveCount`",
        HANDLER => "a handler without spaces, such as `mover.function.handler`",
        RUNTIME => "a Lambda runtime, such as `python3.13`",
        SOMETHING => "text that isn't empty",
        _ => return None,
    })
}
