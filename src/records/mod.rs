//! t
mod columns;
mod rollup;
#[cfg(test)]
mod samples;
mod sketch;
