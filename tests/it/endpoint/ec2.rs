//! EC2's answers about zones, in the form of its API pages.

use std::collections::BTreeMap;

use super::calls::Call;
use super::query::Refusal;
use super::script::Script;
use super::world::World;

/// What every region has, for types that the script says nothing of; the last one is a Local Zone.
const ZONES: [&str; 4] = ["a", "b", "c", "-chi-1a"];

/// What a test says of networks, types and images.
#[derive(Debug, Clone, Default)]
pub struct OfEc2 {
    /// vCPUs by type; any other has two.
    vcpus: BTreeMap<String, u64>,
    /// VPCs whose main route table has no way out.
    closed: Vec<String>,
    /// Subnets in which instances get no public address.
    private: Vec<String>,
    /// Services that the VPCs have endpoints for.
    endpoints: Vec<String>,
    /// VPCs beside the default one.
    vpcs: usize,
    /// Architecture and root device by image; any other is one of Amazon Linux for x86_64.
    images: BTreeMap<String, (String, String)>,
    /// Images that aren't there.
    without: Vec<String>,
}

impl Script {
    pub fn vcpus(mut self, of_type: &str, count: u64) -> Self {
        self.ec2.vcpus.insert(of_type.into(), count);
        self
    }

    /// Nothing leads out of a VPC.
    pub fn closed_vpc(mut self, vpc: &str) -> Self {
        self.ec2.closed.push(vpc.into());
        self
    }

    /// Instances get no public address there.
    pub fn private_subnet(mut self, subnet: &str) -> Self {
        self.ec2.private.push(subnet.into());
        self
    }

    /// VPCs have an endpoint for this service, as `sqs`.
    pub fn vpc_endpoint(mut self, service: &str) -> Self {
        self.ec2.endpoints.push(service.into());
        self
    }

    /// So many VPCs are there beside the default one.
    pub fn more_vpcs(mut self, count: usize) -> Self {
        self.ec2.vpcs = count;
        self
    }

    pub fn image(mut self, id: &str, architecture: &str, root_device: &str) -> Self {
        self.ec2
            .images
            .insert(id.into(), (architecture.into(), root_device.into()));
        self
    }

    /// There is no such image, or not for this account.
    pub fn without_image(mut self, id: &str) -> Self {
        self.ec2.without.push(id.into());
        self
    }
}

impl World {
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html>,
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>
    pub fn ec2(&mut self, call: &Call) -> Result<String, Refusal> {
        let text = |name: &str| call.input.text(name).unwrap_or_default();
        // Two items a page, so that paging is met.
        let (set, items) = match (call.action.as_str(), text("Filter.1.Name")) {
            ("DescribeInstanceTypeOfferings", "instance-type") if text("LocationType") == "availability-zone" => {
                let types = (1..).map_while(|number| call.input.text(&format!("Filter.1.Value.{number}")));
                let items = types.flat_map(|of_type| {
                    let everywhere = || ZONES.map(|zone| format!("{}{zone}", self.script.region)).into();
                    let zones = self.script.offered.get(of_type).cloned().unwrap_or_else(everywhere);
                    zones.into_iter().map(move |zone| {
                        format!(
                            "<instanceType>{of_type}</instanceType><locationType>availability-zone</locationType>\
                             <location>{zone}</location>"
                        )
                    })
                });
                ("instanceTypeOfferingSet", items.collect::<Vec<_>>())
            }
            ("DescribeSubnets", "default-for-az") if text("Filter.1.Value.1") == "true" => {
                let zones = self.script.default_zones.iter();
                let items = zones.map(|zone| {
                    format!(
                        "<subnetId>subnet-{zone}</subnetId><vpcId>vpc-default</vpcId>\
                         <availabilityZone>{zone}</availabilityZone><mapPublicIpOnLaunch>true</mapPublicIpOnLaunch><tagSet/>"
                    )
                });
                ("subnetSet", items.collect())
            }
            // Those that aren't there are left out.
            ("DescribeSubnets", "subnet-id") => {
                let ids = (1..).map_while(|number| call.input.text(&format!("Filter.1.Value.{number}")));
                let items = ids.filter_map(|id| {
                    let (zone, vpc) = self.script.subnets.get(id)?;
                    let public = !self.script.ec2.private.iter().any(|private| private == id);
                    Some(format!(
                        "<subnetId>{id}</subnetId><vpcId>{vpc}</vpcId><availabilityZone>{zone}</availabilityZone>\
                         <mapPublicIpOnLaunch>{public}</mapPublicIpOnLaunch><tagSet/>"
                    ))
                });
                ("subnetSet", items.collect())
            }
            (action, filter) => {
                if let Some(answer) = self.places(call, action, filter) {
                    return Ok(answer);
                }
                self.complaints
                    .push(format!("EC2's {action}: the endpoint doesn't know it so"));
                let message = format!("The action {action} is not valid for this web service.");
                return Err(Refusal::new(400, "InvalidAction", message));
            }
        };
        let from: usize = text("NextToken").parse().unwrap_or_default();
        let page: String = items
            .iter()
            .skip(from)
            .take(2)
            .map(|item| format!("<item>{item}</item>"))
            .collect();
        let next = match from + 2 < items.len() {
            true => format!("<nextToken>{}</nextToken>", from + 2),
            false => String::new(),
        };
        let action = &call.action;
        Ok(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>00000000</requestId><{set}>{page}</{set}>{next}</{action}Response>"
        ))
    }
}

impl World {
    /// Types, images and networks, in the form of their API pages: API_InstanceTypeInfo, API_Image, API_RouteTable,
    /// API_VpcEndpoint, API_Vpc and API_LaunchTemplate. Only the fields that qfleet reads; what isn't there is left out.
    fn places(&self, call: &Call, action: &str, filter: &str) -> Option<String> {
        let values = || (1..).map_while(|number| call.input.text(&format!("Filter.1.Value.{number}")));
        let of_ec2 = &self.script.ec2;
        let (set, items): (&str, Vec<String>) = match (action, filter) {
            ("DescribeInstanceTypes", "instance-type") => {
                let known = values().filter(|one| self.script.offered.get(*one).is_none_or(|zones| !zones.is_empty()));
                let items = known.map(|one| {
                    let vcpus = of_ec2.vcpus.get(one).copied().unwrap_or(2);
                    let family = one.split('.').next().unwrap_or_default();
                    let options = family.trim_start_matches(char::is_alphabetic);
                    let architecture = if options.contains('g') { "arm64" } else { "x86_64" };
                    format!(
                        "<instanceType>{one}</instanceType><processorInfo><supportedArchitectures><item>{architecture}</item>\
                         </supportedArchitectures></processorInfo><vCpuInfo><defaultVCpus>{vcpus}</defaultVCpus></vCpuInfo>"
                    )
                });
                ("instanceTypeSet", items.collect())
            }
            ("DescribeImages", "image-id") => {
                let known = values().filter(|id| !of_ec2.without.iter().any(|without| without == id));
                let items = known.map(|id| {
                    let usual = ("x86_64".to_owned(), "/dev/xvda".to_owned());
                    let (architecture, device) = of_ec2.images.get(id).cloned().unwrap_or(usual);
                    format!(
                        "<imageId>{id}</imageId><imageState>available</imageState><architecture>{architecture}</architecture>\
                         <rootDeviceName>{device}</rootDeviceName>"
                    )
                });
                ("imagesSet", items.collect())
            }
            ("DescribeRouteTables", "vpc-id") => {
                let items = values().map(|vpc| {
                    let out = match of_ec2.closed.iter().any(|closed| closed == vpc) {
                        true => String::new(),
                        false => "<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId>\
                                  <state>active</state></item>"
                            .to_owned(),
                    };
                    format!(
                        "<routeTableId>rtb-1</routeTableId><vpcId>{vpc}</vpcId><routeSet><item><destinationCidrBlock>\
                         10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state></item>{out}\
                         </routeSet><associationSet><item><main>true</main></item></associationSet>"
                    )
                });
                ("routeTableSet", items.collect())
            }
            ("DescribeVpcEndpoints", "vpc-id") => {
                let items = of_ec2.endpoints.iter().map(|service| {
                    format!(
                        "<serviceName>com.amazonaws.{}.{service}</serviceName>",
                        self.script.region
                    )
                });
                ("vpcEndpointSet", items.collect())
            }
            ("DescribeVpcs", "") => {
                let default = usize::from(!self.script.default_zones.is_empty());
                let items = (0..default + of_ec2.vpcs).map(|number| format!("<vpcId>vpc-{number}</vpcId>"));
                ("vpcSet", items.collect())
            }
            ("DescribeLaunchTemplates", "") => ("launchTemplates", Vec::new()),
            _ => return None,
        };
        let items: String = items.iter().map(|item| format!("<item>{item}</item>")).collect();
        Some(format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>00000000</requestId><{set}>{items}</{set}></{action}Response>"
        ))
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
pub fn refused(refusal: &Refusal) -> String {
    let Refusal { code, message, .. } = refusal;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message>\
         </Error></Errors><RequestID>00000000</RequestID></Response>"
    )
}
