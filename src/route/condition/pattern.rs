//! Regular expressions with linear-time search and bounded memory. The memory of a search is freed
//! when it ends; no per-thread cache remains.

use regex_automata::{Input, meta::Regex};

use super::budget::{WorkBudget, too_large_compiled};

/// Longer texts, in bytes, never match.
pub const LONGEST_SEARCHED: usize = 8 * 1024;
/// Memory for cached states of one search; when it is full, the cache is cleared.
const STATE_CACHE: usize = 64 * 1024;

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern within the budget.
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
            None => "is not a regular expression of the linear-time kind \
                 (no look-around, no back-references)"
                .to_owned(),
        })?;
        budget.take_compiled(compiled.memory_usage())?;
        Ok(Pattern(compiled))
    }

    /// Bytes of memory held between searches.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.0.memory_usage()
    }

    /// The worst-case work of one search: every byte may visit every part of the pattern.
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
