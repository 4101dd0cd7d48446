//! What is done, handed out by CloudFront.

use std::collections::BTreeMap;

use super::{Parts, output};
use crate::blueprint::{Stack, Value, contexts, names, outputs, tags};
use crate::environment::delivery::{delivers_from, not_from};
use crate::environment::problem::Problem;
use crate::environment::{Bucket, Delivery};

impl Parts<'_> {
    /// `None` of an environment whose files nobody fetches so.
    pub fn delivery(&self) -> Option<Result<Stack, Problem>> {
        let delivery = self.environment.delivery.as_ref()?;
        let bucket = self.environment.bucket.as_ref()?;
        Some(self.delivery_stack(delivery, bucket))
    }

    fn delivery_stack(&self, delivery: &Delivery, bucket: &Bucket) -> Result<Stack, Problem> {
        let region = &self.placement.region;
        if !self.placement.local && !delivers_from(region) {
            return Err(not_from(region, "/delivery").on_key());
        }
        // In the local emulator a name of one's own would be that of what really runs.
        let own_name = delivery.domain.as_deref().zip(delivery.certificate.as_ref());
        let own_name = own_name.filter(|_| !self.placement.local);
        // And CloudFront gives a name to one distribution: where the environment works
        // (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html). The certificate stays where it stands
        // by: the name can be moved only to a distribution that has one
        // (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/alternate-domain-names-move.html).
        let domain = own_name.map(|(domain, _)| domain).filter(|_| !self.stands_by());
        let environment = &self.environment.name;
        let context = contexts::Delivery {
            environment,
            access_name: names::origin_access(environment, region),
            description: names::of_delivery(environment, region),
            region_tag: tags::REGION,
            origin_path: format!("/{}", bucket.processed.trim_end_matches('/')),
            domain,
            has_certificate: own_name.is_some(),
            key_groups: &delivery.key_groups,
        };
        let mut parameters = BTreeMap::from([("BucketName".to_owned(), output("intake", outputs::BUCKET))]);
        if let Some((_, certificate)) = own_name {
            parameters.insert("CertificateArn".to_owned(), Value::Literal(certificate.clone()));
        }
        self.stack(
            Delivery::PART,
            "delivery.yaml.j2",
            &context,
            parameters,
            self.on_destroy(),
        )
    }
}
