//! Which quota of vCPUs an instance type counts against.

/// Families that share a quota
/// (<https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Standard,
    Dl,
    F,
    GandVt,
    Hpc,
    HighMemory,
    Inf,
    P,
    Trn,
    X,
}

impl Family {
    /// By the letters before the first digit: `im4gn` is of I, `gr6` of G.
    pub fn of(instance_type: &str) -> Option<Family> {
        let family = instance_type.split('.').next()?;
        let series: String = family.chars().take_while(char::is_ascii_lowercase).collect();
        Some(match series.as_str() {
            "a" | "c" | "d" | "h" | "i" | "im" | "is" | "m" | "r" | "t" | "z" => Family::Standard,
            "dl" => Family::Dl,
            "f" => Family::F,
            "g" | "gr" | "vt" => Family::GandVt,
            "hpc" => Family::Hpc,
            "u" => Family::HighMemory,
            "inf" => Family::Inf,
            "p" => Family::P,
            "trn" => Family::Trn,
            "x" => Family::X,
            _ => return None,
        })
    }

    /// As AWS's quotas call it.
    pub fn name(self) -> &'static str {
        match self {
            Family::Standard => "Standard: A, C, D, H, I, M, R, T, Z",
            Family::Dl => "DL",
            Family::F => "F",
            Family::GandVt => "G and VT",
            Family::Hpc => "HPC",
            Family::HighMemory => "High Memory",
            Family::Inf => "Inf",
            Family::P => "P",
            Family::Trn => "Trn",
            Family::X => "X",
        }
    }

    /// The quota's code: those of on-demand instances are linked from
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html>, those of spot instances from
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-spot-limits.html>. Of some families there are none on spot.
    pub fn code(self, is_spot: bool) -> Option<&'static str> {
        Some(match (self, is_spot) {
            (Family::Standard, false) => "L-1216C47A",
            (Family::Standard, true) => "L-34B43A08",
            (Family::Dl, false) => "L-6E869C2A",
            (Family::Dl, true) => "L-85EED4F7",
            (Family::F, false) => "L-74FC7D96",
            (Family::F, true) => "L-88CF9481",
            (Family::GandVt, false) => "L-DB2E81BA",
            (Family::GandVt, true) => "L-3819A6DF",
            (Family::Hpc, false) => "L-F7808C92",
            (Family::HighMemory, false) => "L-43DA4232",
            (Family::Inf, false) => "L-1945791B",
            (Family::Inf, true) => "L-B5D1601B",
            (Family::P, false) => "L-417A185B",
            (Family::P, true) => "L-7212CCBC",
            (Family::Trn, false) => "L-2C3B7624",
            (Family::Trn, true) => "L-6B0D517C",
            (Family::X, false) => "L-7295265B",
            (Family::X, true) => "L-E3A00192",
            (Family::Hpc | Family::HighMemory, true) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_counts_against_the_quota_of_its_family() {
        for (one, family) in [
            ("t4g.small", Some(Family::Standard)),
            ("im4gn.large", Some(Family::Standard)),
            ("is4gen.medium", Some(Family::Standard)),
            ("c7i-flex.large", Some(Family::Standard)),
            ("d3en.xlarge", Some(Family::Standard)),
            ("dl1.24xlarge", Some(Family::Dl)),
            ("gr6.4xlarge", Some(Family::GandVt)),
            ("vt1.3xlarge", Some(Family::GandVt)),
            ("g5g.xlarge", Some(Family::GandVt)),
            ("hpc7g.4xlarge", Some(Family::Hpc)),
            ("u-6tb1.56xlarge", Some(Family::HighMemory)),
            ("u7i-12tb.224xlarge", Some(Family::HighMemory)),
            ("p6-b200.48xlarge", Some(Family::P)),
            ("inf2.xlarge", Some(Family::Inf)),
            ("trn1n.32xlarge", Some(Family::Trn)),
            ("x2gd.medium", Some(Family::X)),
            ("mac2.metal", None),
        ] {
            assert_eq!(Family::of(one), family, "{one}");
        }
    }
}
