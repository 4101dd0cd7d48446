//! Where in a template something is set. Pure.

/// The line, from 1, on which a resource's property is set; that of the nearest thing around it where the property
/// itself isn't written. `path` is a pointer into the properties: `RedrivePolicy/maxReceiveCount`.
pub fn line(template: &str, logical_id: &str, path: &str) -> Option<usize> {
    let lines: Vec<&str> = template.lines().collect();
    let heading = format!("  {logical_id}:");
    let mut at = lines.iter().position(|line| line.trim_end() == heading)?;
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    for segment in std::iter::once("Properties").chain(segments) {
        // Entries of lists aren't counted: which of them is meant is seen from the value.
        if segment.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let Some(next) = below(&lines, at, segment) else { break };
        at = next;
    }
    Some(at + 1)
}

/// The first line of the block under line `at` that sets `key`.
fn below(lines: &[&str], at: usize, key: &str) -> Option<usize> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let outer = indent(lines.get(at)?);
    let block = lines.iter().enumerate().skip(at + 1);
    let mut block = block.take_while(|(_, line)| {
        let text = line.trim_start();
        text.is_empty() || text.starts_with('#') || indent(line) > outer
    });
    block.find_map(|(index, line)| {
        let text = line.trim_start().trim_start_matches("- ");
        let rest = text.strip_prefix(key)?;
        rest.starts_with(':').then_some(index)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "\
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      # Long.
      VisibilityTimeout: 300
      RedrivePolicy:
        maxReceiveCount: 5
  Bucket:
    Properties:
      Rules:
        - Name: a
      VisibilityTimeout: 1
";

    #[test]
    fn finds_the_line_or_what_is_around_it() {
        for (resource, path, found) in [
            ("Queue", "VisibilityTimeout", Some(6)),
            ("Queue", "RedrivePolicy/maxReceiveCount", Some(8)),
            ("Queue", "RedrivePolicy/other", Some(7)),
            ("Queue", "Rules", Some(4)),
            ("Queue", "", Some(4)),
            ("Bucket", "Rules/0/Name", Some(12)),
            ("Bucket", "VisibilityTimeout", Some(13)),
            ("Topic", "DisplayName", None),
        ] {
            assert_eq!(line(TEMPLATE, resource, path), found, "{resource} {path}");
        }
    }
}
