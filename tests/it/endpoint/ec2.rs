//! EC2's answers about zones, in the form of its API pages.

use super::calls::Call;
use super::query::Refusal;
use super::world::World;

/// What every region has, for types that the script says nothing of; the last one is a Local Zone.
const ZONES: [&str; 4] = ["a", "b", "c", "-chi-1a"];

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
                         <availabilityZone>{zone}</availabilityZone><tagSet/>"
                    )
                });
                ("subnetSet", items.collect())
            }
            // Those that aren't there are left out.
            ("DescribeSubnets", "subnet-id") => {
                let ids = (1..).map_while(|number| call.input.text(&format!("Filter.1.Value.{number}")));
                let items = ids.filter_map(|id| {
                    let (zone, vpc) = self.script.subnets.get(id)?;
                    Some(format!(
                        "<subnetId>{id}</subnetId><vpcId>{vpc}</vpcId><availabilityZone>{zone}</availabilityZone><tagSet/>"
                    ))
                });
                ("subnetSet", items.collect())
            }
            (action, _) => {
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

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
pub fn refused(refusal: &Refusal) -> String {
    let Refusal { code, message, .. } = refusal;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message>\
         </Error></Errors><RequestID>00000000</RequestID></Response>"
    )
}
