//! Machine images.

use std::collections::{BTreeMap, BTreeSet};

use super::filter;
use crate::cloud::{Cloud, CloudError};

/// What instances start from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineImage {
    /// `arm64` or `x86_64`.
    pub architecture: String,
    /// `/dev/xvda`.
    pub root_device: String,
    /// `available`, …
    pub state: String,
}

impl Cloud {
    /// Images by their ids. One that isn't there, or not for this account, is left out
    /// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html>).
    pub async fn images(&self, ids: &BTreeSet<String>) -> Result<BTreeMap<String, MachineImage>, CloudError> {
        let asked = filter("image-id", ids.iter().map(String::as_str));
        let items = self.ec2_pages("DescribeImages", "imagesSet", &asked).await?;
        let images = items.into_iter().filter_map(|mut item| {
            Some((
                item.remove("imageId")?,
                MachineImage {
                    architecture: item.remove("architecture").unwrap_or_default(),
                    root_device: item.remove("rootDeviceName").unwrap_or_default(),
                    state: item.remove("imageState").unwrap_or_default(),
                },
            ))
        });
        Ok(images.collect())
    }
}
