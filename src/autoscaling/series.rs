//! Metrics as CloudWatch keeps them: for each metric and statistic one value a minute, or a gap.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// A minute, counted from a beginning that the caller chooses. Minute 0 is the seconds 0 to 59.
pub type Minute = i64;

/// A second, counted from the same beginning.
pub type Second = i64;

/// A series of data points: one value for a minute, or none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series(BTreeMap<Minute, f64>);

impl Series {
    /// Sets the value of a minute. What isn't a finite number is no data point, and leaves a gap, as CloudWatch refuses
    /// it (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>).
    pub fn put(&mut self, minute: Minute, value: f64) {
        if value.is_finite() {
            self.0.insert(minute, value);
        } else {
            self.0.remove(&minute);
        }
    }

    /// The value of a minute; `None` is a gap.
    pub fn get(&self, minute: Minute) -> Option<f64> {
        self.0.get(&minute).copied()
    }

    /// The data points there are, oldest first.
    pub fn points(&self) -> impl Iterator<Item = (Minute, f64)> {
        self.0.iter().map(|(minute, value)| (*minute, *value))
    }

    /// Every minute of a window, oldest first, with its value or its gap.
    pub fn window(&self, window: RangeInclusive<Minute>) -> impl Iterator<Item = Option<f64>> {
        window.map(|minute| self.get(minute))
    }

    /// The data points within a window.
    pub fn within(&self, window: RangeInclusive<Minute>) -> Series {
        // BTreeMap::range would panic on a window that ends before it begins.
        self.points().filter(|(minute, _)| window.contains(minute)).collect()
    }

    /// Forgets what is older than a minute.
    pub fn forget_before(&mut self, minute: Minute) {
        self.0 = self.0.split_off(&minute);
    }
}

impl FromIterator<(Minute, f64)> for Series {
    fn from_iter<I: IntoIterator<Item = (Minute, f64)>>(points: I) -> Self {
        let mut series = Series::default();
        for (minute, value) in points {
            series.put(minute, value);
        }
        series
    }
}

/// Which series: a metric and the statistic that makes one value of a minute's data
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html>).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// E.g. `AWS/SQS`.
    pub namespace: String,
    /// E.g. `ApproximateNumberOfMessagesVisible`.
    pub name: String,
    /// Name → value. All of them are part of the metric's identity; their order isn't.
    pub dimensions: BTreeMap<String, String>,
    /// E.g. `Average`.
    pub stat: String,
}

impl Metric {
    /// A metric by its parts; a dimension is a name and a value.
    pub fn new(namespace: &str, name: &str, dimensions: &[(&str, &str)], stat: &str) -> Metric {
        Metric {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            dimensions: dimensions
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            stat: stat.to_owned(),
        }
    }
}

/// All series that are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(BTreeMap<Metric, Series>);

impl Metrics {
    /// Sets the value that a metric has in a minute.
    pub fn put(&mut self, metric: &Metric, minute: Minute, value: f64) {
        match self.0.get_mut(metric) {
            Some(series) => series.put(minute, value),
            None => {
                let series = Series::from_iter([(minute, value)]);
                self.0.insert(metric.clone(), series);
            }
        }
    }

    /// The series of a metric; `None` for one that was never put.
    pub fn get(&self, metric: &Metric) -> Option<&Series> {
        self.0.get(metric)
    }

    /// Forgets what is older than a minute.
    pub fn forget_before(&mut self, minute: Minute) {
        for series in self.0.values_mut() {
            series.forget_before(minute);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_dimensions_is_no_part_of_a_metric() {
        let one = Metric::new("N", "m", &[("a", "1"), ("b", "2")], "Sum");
        let other = Metric::new("N", "m", &[("b", "2"), ("a", "1")], "Sum");
        let mut metrics = Metrics::default();
        metrics.put(&one, 7, 1.5);
        assert_eq!(metrics.get(&other).and_then(|series| series.get(7)), Some(1.5));
        assert_eq!(metrics.get(&Metric::new("N", "m", &[("a", "1")], "Sum")), None);
    }

    #[test]
    fn what_is_no_number_is_a_gap() {
        let mut series = Series::from_iter([(1, 1.0), (2, f64::NAN), (3, 3.0)]);
        series.put(3, f64::INFINITY);
        assert_eq!(series.window(0..=3).collect::<Vec<_>>(), [None, Some(1.0), None, None]);
    }

    #[test]
    fn a_window_that_ends_before_it_begins_is_empty() {
        #[expect(clippy::reversed_empty_ranges)]
        let window = 5..=2;
        assert_eq!(Series::from_iter([(3, 1.0)]).within(window), Series::default());
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let metric = Metric::new("N", "m", &[], "Sum");
        let mut metrics = Metrics::default();
        for minute in 0..5 {
            metrics.put(&metric, minute, 1.0);
        }
        metrics.forget_before(3);
        let left: Vec<Minute> = metrics.get(&metric).unwrap().points().map(|point| point.0).collect();
        assert_eq!(left, [3, 4]);
    }
}
