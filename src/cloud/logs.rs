//! Log streams: the last words of a worker that didn't start.

use super::{Cloud, CloudError, explain};

impl Cloud {
    /// The last `count` lines of every stream of `group` whose name begins with `prefix`, oldest first.
    /// A group that isn't there has none.
    pub async fn last_log_lines(&self, group: &str, prefix: &str, count: i32) -> Result<Vec<String>, CloudError> {
        let streams = self.cloudwatchlogs.describe_log_streams().log_group_name(group).log_stream_name_prefix(prefix);
        let streams = match streams.send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(explain("DescribeLogStreams", error)),
        };
        let mut lines = Vec::new();
        for stream in streams.log_streams() {
            let answer = self
                .cloudwatchlogs
                .get_log_events()
                .log_group_name(group)
                .set_log_stream_name(stream.log_stream_name().map(str::to_owned))
                .start_from_head(false)
                .limit(count)
                .send()
                .await
                .map_err(|error| explain("GetLogEvents", error))?;
            lines.extend(answer.events().iter().filter_map(|event| event.message()).map(str::to_owned));
        }
        Ok(lines)
    }
}
