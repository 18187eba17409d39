//! Is a pattern found in a text? Linear time, bounded memory: the memory of a search ends with it,
//! and no thread keeps any.

use regex_automata::{Input, meta::Regex};

use super::budget::{WorkBudget, too_large_compiled};

/// A longer text has no pattern in it: bytes.
pub const LONGEST_SEARCHED: usize = 8 * 1024;
/// Memory for the states that one search has met; beyond it they are forgotten and found anew.
const STATE_CACHE: usize = 64 * 1024;

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

impl Pattern {
    /// Compiles, within what is left of the budget.
    ///
    /// # Errors
    /// What is allowed.
    pub fn compile(text: &str, budget: &mut WorkBudget) -> Result<Self, String> {
        budget.take_pattern(text)?;
        let bounds = Regex::config()
            .nfa_size_limit(Some(budget.compiled_left()))
            .hybrid_cache_capacity(STATE_CACHE);
        let compiled = Regex::builder().configure(bounds).build(text);
        let compiled = compiled.map_err(|error| match error.size_limit() {
            Some(_) => too_large_compiled(),
            None => "is no regular expression of the linear-time kind (no look-around, no back-references)".to_owned(),
        })?;
        budget.take_compiled(compiled.memory_usage())?;
        Ok(Pattern(compiled))
    }

    /// Bytes of memory that it holds between searches.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.0.memory_usage()
    }

    /// The work of one search, at the worst: each byte may meet every part of the pattern.
    pub fn work(&self, text_bytes: usize) -> usize {
        self.0.memory_usage() * text_bytes.min(LONGEST_SEARCHED)
    }

    pub fn is_found_in(&self, text: &str) -> bool {
        if text.len() > LONGEST_SEARCHED {
            return false;
        }
        let input = Input::new(text).earliest(true);
        let mut memory = self.0.create_cache();
        self.0.search_half_with(&mut memory, &input).is_some()
    }
}
