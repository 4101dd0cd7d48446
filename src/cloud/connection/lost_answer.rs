//! Answers that say "done" but are empty or cut short, because a proxy or a service broke off. The request may have
//! been carried out or not, as after an answer of 500. The SDK must not believe them: it reads an empty answer in JSON,
//! and the first half of one in XML, as if nothing more were there.

/// Why an answer doesn't count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::cloud) enum LostAnswer {
    #[error("it says that all is well, and has nothing in it")]
    Empty,
    #[error("it is cut off")]
    CutOff,
    #[error("it is none of this service's")]
    Strange,
}

/// Services of the query protocol and of EC2's, which put everything that they say into an XML document, also when they have nothing
/// to say (<https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>).
const QUERY: [&str; 6] = ["CloudFormation", "STS", "Auto Scaling", "SNS", "IAM", "EC2"];

/// Whether a successful answer of this call is lost. `parsed`: the SDK could read it.
pub(in crate::cloud) fn lost(service: &str, operation: &str, parsed: bool, body: &[u8]) -> Option<LostAnswer> {
    let body = body.trim_ascii();
    if body.is_empty() {
        let is_lost = !parsed || QUERY.contains(&service) || service != "S3" && says_something(operation);
        return is_lost.then_some(LostAnswer::Empty);
    }
    if body[0] != b'<' {
        return (!parsed).then_some(LostAnswer::CutOff);
    }
    match root(body) {
        None => Some(LostAnswer::CutOff),
        // S3 may learn only after it said 200 that something failed
        // (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>).
        Some("Error") => None,
        Some(_) => (!parsed).then_some(LostAnswer::Strange),
    }
}

/// What is asked for is answered, and what is sent is confirmed, one by one; other calls have nothing to answer in the
/// JSON protocols.
fn says_something(operation: &str) -> bool {
    let verbs = [
        "Describe", "Get", "List", "Receive", "Search", "Send", "Start", "Update",
    ];
    verbs.iter().any(|verb| operation.starts_with(verb)) || operation.ends_with("Batch")
}

/// The name of the outermost element of a whole XML document.
fn root(document: &[u8]) -> Option<&str> {
    let mut text = std::str::from_utf8(document).ok()?;
    while text.starts_with("<?") || text.starts_with("<!") {
        text = text.split_once('>')?.1.trim_start();
    }
    let tag = text.strip_prefix('<')?;
    let name = tag.split([' ', '\t', '\r', '\n', '/', '>']).next()?;
    let closes = text.strip_suffix('>')?.trim_end();
    let is_closed = closes.strip_suffix(name).is_some_and(|before| before.ends_with("</"));
    // `<Root/>`
    let is_all = tag.strip_suffix("/>").is_some_and(|all| !all.contains('<'));
    (is_closed || is_all).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_half_or_strange_is_lost_and_nothing_else() {
        let stacks = b"<?xml version=\"1.0\"?>\n<R xmlns=\"x\"><S><member/></S></R>\n".as_slice();
        for (service, operation, parsed, body, is) in [
            ("CloudFormation", "DescribeStacks", true, stacks, None),
            ("CloudFormation", "DeleteStack", true, b"", Some(LostAnswer::Empty)),
            (
                "CloudFormation",
                "DescribeStacks",
                false,
                b" \n",
                Some(LostAnswer::Empty),
            ),
            (
                "CloudFormation",
                "DescribeStacks",
                true,
                &stacks[..50],
                Some(LostAnswer::CutOff),
            ),
            (
                "CloudFormation",
                "DescribeStacks",
                true,
                &stacks[..stacks.len() - 3],
                Some(LostAnswer::CutOff),
            ),
            (
                "CloudFormation",
                "DescribeStacks",
                false,
                b"<html><p>Log in</p></html>",
                Some(LostAnswer::Strange),
            ),
            ("SQS", "ReceiveMessage", true, b"", Some(LostAnswer::Empty)),
            ("SQS", "ReceiveMessage", true, b"{}", None),
            ("SQS", "DeleteMessageBatch", true, b"", Some(LostAnswer::Empty)),
            ("SQS", "PurgeQueue", true, b"", None),
            (
                "SQS",
                "ReceiveMessage",
                false,
                b"{\"Messages\":[",
                Some(LostAnswer::CutOff),
            ),
            ("S3", "PutObject", true, b"", None),
            ("S3", "ListObjectsV2", false, b"", Some(LostAnswer::Empty)),
            ("S3", "GetBucketPolicy", true, b"{\"Version\": 1}", None),
            (
                "S3",
                "CompleteMultipartUpload",
                false,
                b"<Error><Code>InternalError</Code></Error>",
                None,
            ),
            (
                "S3",
                "GetBucketVersioning",
                true,
                b"<VersioningConfiguration xmlns=\"x\"/>",
                None,
            ),
        ] {
            let body: &[u8] = body;
            assert_eq!(
                lost(service, operation, parsed, body),
                is,
                "{service} {operation} {}",
                String::from_utf8_lossy(body)
            );
        }
    }
}
