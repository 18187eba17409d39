//! The one JSON line a subcommand prints.

use crate::failure::Failures;
use crate::samples::Samples;

#[derive(Default)]
pub struct Report(Vec<String>);

impl Report {
    /// A finite number; what is not finite is reported as null, never as zero.
    pub fn number(mut self, name: &str, value: f64) -> Self {
        let value = if value.is_finite() {
            value.to_string()
        } else {
            "null".to_owned()
        };
        self.0.push(format!("\"{name}\":{value}"));
        self
    }

    pub fn samples(mut self, name: &str, samples: Samples) -> Self {
        let s = samples.summary();
        self.0.push(format!(
            "\"{name}\":{{\"count\":{},\"mean\":{:.1},\"p50\":{:.1},\"p90\":{:.1},\"p99\":{:.1},\
             \"p999\":{:.1},\"max\":{:.1}}}",
            s.count, s.mean, s.p50, s.p90, s.p99, s.p999, s.max
        ));
        self
    }

    pub fn failures(mut self, failures: &Failures) -> Self {
        let first = failures.first.as_deref().map_or("null".to_owned(), quoted);
        self.0.push(format!(
            "\"errors\":{},\"first_error\":{first}",
            failures.count
        ));
        self
    }

    pub fn line(&self) -> String {
        format!("{{{}}}", self.0.join(","))
    }
}

fn quoted(text: &str) -> String {
    let safe: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("\"{}\"", safe.replace('\\', "\\\\").replace('"', "\\\""))
}
