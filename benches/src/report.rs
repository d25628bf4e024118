//! Lines of figures, as JSON and as a table.

use serde_json::json;

/// A figure of Pli's against one of something else.
pub(crate) struct Line {
    /// What was measured.
    pub(crate) name: String,
    /// Pli's figure.
    pub(crate) value: f64,
    /// Its unit, and the other's.
    pub(crate) unit: Unit,
    /// What it is set against.
    pub(crate) against: &'static str,
    /// The other's figure.
    pub(crate) other: f64,
    /// The ratio that is to be reached, where one was set.
    pub(crate) target: Option<f64>,
}

/// What a figure counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Microseconds: less is better.
    Us,
    /// How many in a second: more is better.
    PerSecond,
    /// Bytes: less is better.
    Bytes,
}

impl Line {
    /// How many times as long Pli takes as the other: 1 is as fast, less is faster.
    pub(crate) fn ratio(&self) -> f64 {
        match self.unit {
            Unit::Us | Unit::Bytes => self.value / self.other,
            Unit::PerSecond => self.other / self.value,
        }
    }

    /// One object; the fields are what the program promises.
    pub(crate) fn json(&self) -> String {
        json!({
            "name": self.name,
            "value": round(self.value, 10.0),
            "unit": self.unit.name(),
            "against": self.against,
            "ratio": round(self.ratio(), 1000.0),
        })
        .to_string()
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::PerSecond => "per_s",
            Self::Bytes => "bytes",
        }
    }
}

/// All lines, for people.
pub(crate) fn table(lines: &[Line]) -> String {
    let mut table = format!("{:28} {:>10} {:5}  {:26} {:>10} {:>6}\n", "", "", "", "against", "", "ratio");
    for line in lines {
        let verdict = match line.target {
            Some(target) if line.ratio() <= target => format!("  met (at most {target})"),
            Some(target) => format!("  missed (at most {target})"),
            None => String::new(),
        };
        let Line { name, value, against, other, .. } = line;
        let (unit, ratio) = (line.unit.name(), line.ratio());
        table += &format!("{name:28} {value:10.1} {unit:5}  {against:26} {other:10.1} {ratio:6.2}{verdict}\n");
    }
    table
}

fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
