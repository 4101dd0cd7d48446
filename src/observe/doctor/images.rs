//! Whether the images that instances start from are there, and fit.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Check, Mend, Read, Topic};
use super::groups::{Group, alike};
use super::patience::within;
use super::types::Types;
use crate::blueprint::{Value, image_of};
use crate::cloud::Cloud;
use crate::cloud::ec2::MachineImage;
use crate::environment::architecture;

/// What AWS says of the images of a file.
pub(super) struct Images {
    /// Ids by the paths of the parameters that hold them.
    ids: Read<BTreeMap<String, String>>,
    /// By id.
    known: Read<BTreeMap<String, MachineImage>>,
}

impl Images {
    /// Nothing where there are no groups.
    pub async fn read(cloud: &Cloud, groups: &[Group<'_>]) -> Option<Images> {
        let named: Vec<Value> = groups
            .iter()
            .filter_map(|group| image_of(group.instances).ok())
            .collect();
        if named.is_empty() {
            return None;
        }
        let paths = named.iter().filter_map(|value| match value {
            Value::Ssm(path) => Some(path.clone()),
            _ => None,
        });
        let paths: BTreeSet<String> = paths.collect();
        let ids = match paths.is_empty() {
            true => Ok(BTreeMap::new()),
            false => within(cloud.parameters(&paths)).await,
        };
        let found = ids.iter().flat_map(BTreeMap::values).cloned();
        let literal = named.into_iter().filter_map(|value| match value {
            Value::Literal(id) => Some(id),
            _ => None,
        });
        let all: BTreeSet<String> = found.chain(literal).filter(|id| id.starts_with("ami-")).collect();
        let known = match all.is_empty() {
            true => Ok(BTreeMap::new()),
            false => within(cloud.images(&all)).await,
        };
        Some(Images { ids, known })
    }

    /// A check for each image and list of types.
    pub fn checks(&self, groups: &[Group<'_>], types: Option<&Types>, region: &str) -> Vec<Check> {
        let kind = |group: &Group<'_>| {
            let instances = group.instances;
            (
                instances.image.clone(),
                instances.types.clone(),
                instances.root_device().to_owned(),
            )
        };
        let all = alike(groups, kind).into_iter();
        all.filter_map(|(names, group)| Some(self.check(group, types, region)?.about(&names)))
            .collect()
    }

    fn check(&self, group: &Group<'_>, types: Option<&Types>, region: &str) -> Option<Check> {
        let instances = group.instances;
        let (id, source) = match image_of(instances).ok()? {
            Value::Ssm(path) => match &self.ids {
                Err(unread) => return Some(Check::unread(Topic::Image, unread)),
                Ok(ids) => match ids.get(&path) {
                    None => {
                        return Some(Check::failed(
                            Topic::Image,
                            format!("there is no parameter {path} in {region}"),
                            Mend::new("correct `image`; this shows what the parameter store has under a path").command(
                                format!(
                                    "aws ssm get-parameters-by-path --path {} --region {region}",
                                    path.rsplit_once('/').map_or("/", |(folder, _)| folder)
                                ),
                            ),
                        ));
                    }
                    Some(id) => (id.clone(), format!(" ({path})")),
                },
            },
            Value::Literal(id) => (id, String::new()),
            _ => return None,
        };
        let known = match &self.known {
            Err(unread) => {
                let what = format!("{id}{source}; what it is isn't known: {}", unread.why);
                return Some(Check::unknown(Topic::Image, what, unread.mend.clone()));
            }
            Ok(known) => known,
        };
        let look = format!("aws ec2 describe-images --image-ids {id} --region {region}");
        let Some(image) = known
            .get(&id)
            .filter(|image| image.state == "available" || image.state.is_empty())
        else {
            return Some(Check::failed(
                Topic::Image,
                format!("the image {id}{source} isn't available to this account in {region}"),
                Mend::new("name another `image`, or have its owner share it with this account").command(look),
            ));
        };
        let wrong = instances
            .types
            .iter()
            .find(|one| !runs_on(one, &image.architecture, types));
        if let Some(one) = wrong {
            return Some(Check::failed(
                Topic::Image,
                format!("the image {id}{source} is for {}, and {one} isn't", image.architecture),
                Mend::new("choose `image` and `types` for the same processors").command(look),
            ));
        }
        let device = instances.root_device();
        if !image.root_device.is_empty() && image.root_device != device {
            return Some(Check::failed(
                Topic::Image,
                format!(
                    "the root device of the image {id}{source} is {}, and the file's is {device}: that would be a second \
                     volume",
                    image.root_device
                ),
                Mend::new(format!("write `root_device: {}` in the file", image.root_device)),
            ));
        }
        Some(Check::passed(
            Topic::Image,
            format!("{id}{source} is there, for {}", image.architecture),
        ))
    }
}

/// By what EC2 says of the type, or else by its name.
fn runs_on(one: &str, image: &str, types: Option<&Types>) -> bool {
    let known = types.and_then(|types| types.known.as_ref().ok()?.get(one));
    match known.filter(|known| !known.architectures.is_empty()) {
        Some(known) => known.architectures.iter().any(|architecture| architecture == image),
        None => architecture(one).is_ok_and(|architecture| architecture.to_string() == image) || image.is_empty(),
    }
}
