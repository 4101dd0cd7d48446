//! Which processors an instance type has, read off its name.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An instruction set that images are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Architecture {
    /// Graviton and Grace.
    #[default]
    #[serde(rename = "arm64")]
    Arm64,
    /// Intel and AMD.
    #[serde(rename = "x86_64")]
    X86_64,
}

impl fmt::Display for Architecture {
    /// As AWS spells it, in the names of image parameters too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Architecture::Arm64 => "arm64",
            Architecture::X86_64 => "x86_64",
        })
    }
}

/// Why a type can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    pub message: String,
    /// What would be right.
    pub help: String,
}

/// The architecture of an instance type such as `t4g.small`.
///
/// A family is letters for the series, a digit for the generation, letters for the options, and sometimes more after a
/// hyphen; `g` among the options is for Graviton
/// (<https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>). Older and odder ones are named here.
///
/// # Errors
/// Macs, and names that aren't made like this.
pub fn architecture(instance_type: &str) -> Result<Architecture, Unusable> {
    let family = instance_type.split('.').next().unwrap_or_default();
    let (name, suffix) = family.split_once('-').unwrap_or((family, ""));
    let series: String = name.chars().take_while(char::is_ascii_lowercase).collect();
    let rest = name[series.len()..].trim_start_matches(|c: char| c.is_ascii_digit());
    let generation = &name[series.len()..name.len() - rest.len()];
    if series == "mac" {
        return Err(Unusable {
            message: format!("`{instance_type}` is a Mac, which runs no Linux image"),
            help: "choose a Linux type, such as `t4g.small`".into(),
        });
    }
    let high_memory = series == "u" && suffix.ends_with("tb1");
    let options = rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if series.is_empty() || !options || (generation.is_empty() && !high_memory) {
        return Err(Unusable {
            message: format!("`{instance_type}` is not an instance type that qfleet knows"),
            help: "a type is a family and a size, such as `t4g.small` or `m7i-flex.large`".into(),
        });
    }
    let arm = name == "a1" || rest.contains('g') || suffix.starts_with("gb");
    Ok(if arm { Architecture::Arm64 } else { Architecture::X86_64 })
}

#[cfg(test)]
mod tests {
    use super::{Architecture, architecture};

    #[test]
    fn real_types() {
        let arm = "a1.medium t4g.small m6g.large m6gd.metal m7g.xlarge m7gd.16xlarge m8g.metal-24xl c6g.large c6gd.large \
                   c6gn.16xlarge c7g.medium c7gd.large c7gn.16xlarge c8g.48xlarge c8gn.large r6g.large r6gd.large r7g.large r7gd.large \
                   r8g.metal-48xl r8gd.large x2gd.medium x8g.large im4gn.large is4gen.medium i4g.large i8g.large i8ge.large \
                   g5g.xlarge hpc7g.4xlarge p6e-gb200.36xlarge m8gb.large r8gn.large";
        let x86 = "t2.micro t3.small t3a.small m4.large m5.large m5a.large m5ad.large m5d.large m5dn.large m5n.large m5zn.large \
                   m6a.large m6i.large m6id.large m6idn.large m6in.large m7a.large m7i.large m7i-flex.large m8a.large c4.large \
                   c5n.large c6in.large c7a.medium c7i-flex.large c8i.large d2.xlarge d3en.xlarge f1.2xlarge f2.6xlarge \
                   g4ad.xlarge g4dn.xlarge g5.xlarge g6.xlarge g6e.xlarge gr6.4xlarge h1.2xlarge hpc6a.48xlarge hpc7a.96xlarge \
                   i3en.large i4i.large i7i.large i7ie.large inf1.xlarge inf2.xlarge p4de.24xlarge p5.48xlarge p5en.48xlarge \
                   p6-b200.48xlarge r5b.large r6idn.large r7iz.large trn1.2xlarge trn1n.32xlarge trn2.48xlarge u-6tb1.56xlarge \
                   u-12tb1.112xlarge u7i-12tb.224xlarge u7in-32tb.224xlarge vt1.3xlarge x1e.xlarge x2iedn.large x2iezn.2xlarge \
                   z1d.large dl1.24xlarge";
        for name in arm.split_whitespace() {
            assert_eq!(architecture(name), Ok(Architecture::Arm64), "{name}");
        }
        for name in x86.split_whitespace() {
            assert_eq!(architecture(name), Ok(Architecture::X86_64), "{name}");
        }
    }

    #[test]
    fn what_runs_no_amazon_linux_or_is_no_type_is_refused() {
        for name in [
            "mac1.metal",
            "mac2.metal",
            "mac2-m2pro.metal",
            "mac-m4.metal",
            "u-6tb.large",
            "tiny.small",
            "4g.small",
            ".small",
            "",
        ] {
            assert!(architecture(name).is_err(), "{name}");
        }
    }
}
