//! Each response of `fixtures/usage` gives the reading beside it.

use super::sample;

#[test]
fn each_response_gives_the_reading_beside_it() {
    let samples = sample::all();
    assert!(samples.len() > 70, "{}", samples.len());
    let wrong: Vec<_> = samples
        .iter()
        .map(|sample| (sample, sample.read_at_once()))
        .filter(|(sample, read)| *read != sample.reading)
        .map(|(sample, read)| format!("{}\n  read {read}\n  not  {}", sample.name, sample.reading))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
