//! Limits the work that one config may ask for. Its conditions, patterns and list items are counted
//! while it is parsed, so the cost of evaluating it for a request is bounded.

/// Tests in one config; a test is a field with one operator.
pub const MOST_TESTS: usize = 256;
/// Patterns in one config.
pub const MOST_PATTERNS: usize = 64;
/// Length in bytes of one pattern, and of all patterns of a config.
pub const LONGEST_PATTERN: usize = 1024;
const LONGEST_PATTERNS: usize = 8 * 1024;
/// Compiled size in bytes of one pattern, and of all patterns of a config.
const LARGEST_PATTERN: usize = 128 * 1024;
const LARGEST_PATTERNS: usize = 256 * 1024;
/// `[` in the case-insensitive patterns of a config: finding the other case of every character in a
/// class may take 10 ms.
const MOST_CASELESS_CLASSES: usize = 16;
/// Items of `$in`, `$nin` and `hash_fields`, and keys of `override_params` and `headers`, in one
/// config together.
pub const MOST_ITEMS: usize = 1024;
/// Segments of a field's path; `params.a.0.b` has three.
pub const MOST_PATH_PARTS: usize = 16;

/// All limits with a description, for the reference page.
pub fn bounds() -> Vec<(&'static str, String)> {
    let kib = |bytes: usize| format!("{} KiB", bytes / 1024);
    vec![
        (
            "tests in conditions (a field with one operator)",
            MOST_TESTS.to_string(),
        ),
        (
            "items of `$in`, `$nin` and `hash_fields`, keys of `override_params` and `headers`",
            MOST_ITEMS.to_string(),
        ),
        (
            "parts of one path below `params`",
            MOST_PATH_PARTS.to_string(),
        ),
        ("patterns (`$regex`)", MOST_PATTERNS.to_string()),
        ("bytes of one pattern", kib(LONGEST_PATTERN)),
        ("bytes of all patterns", kib(LONGEST_PATTERNS)),
        ("one pattern once compiled", kib(LARGEST_PATTERN)),
        ("all patterns once compiled", kib(LARGEST_PATTERNS)),
        (
            "`[` in patterns that ignore case (`(?i)`)",
            MOST_CASELESS_CLASSES.to_string(),
        ),
    ]
}

/// What is left of a config's budget.
#[derive(Debug)]
pub struct WorkBudget {
    tests: usize,
    patterns: usize,
    pattern_text: usize,
    compiled: usize,
    caseless_classes: usize,
    items: usize,
}

impl Default for WorkBudget {
    /// Nothing used yet.
    fn default() -> Self {
        WorkBudget {
            tests: MOST_TESTS,
            patterns: MOST_PATTERNS,
            pattern_text: LONGEST_PATTERNS,
            compiled: LARGEST_PATTERNS,
            caseless_classes: MOST_CASELESS_CLASSES,
            items: MOST_ITEMS,
        }
    }
}

/// The error text: a phrase that states what is allowed.
type Overspent = String;

impl WorkBudget {
    pub(super) fn take_test(&mut self) -> Result<(), Overspent> {
        take(&mut self.tests, 1)
            .ok_or_else(|| format!("makes more than {MOST_TESTS} tests in the config"))
    }

    /// Counts a pattern before it is compiled.
    pub(super) fn take_pattern(&mut self, text: &str) -> Result<(), Overspent> {
        if text.len() > LONGEST_PATTERN {
            return Err(format!("must have at most {LONGEST_PATTERN} bytes"));
        }
        take(&mut self.patterns, 1)
            .ok_or_else(|| format!("makes more than {MOST_PATTERNS} patterns in the config"))?;
        take(&mut self.pattern_text, text.len()).ok_or_else(|| {
            format!("makes more than {LONGEST_PATTERNS} bytes of patterns in the config")
        })?;
        let classes = match ignores_case(text) {
            true => text.bytes().filter(|byte| *byte == b'[').count(),
            false => 0,
        };
        take(&mut self.caseless_classes, classes).ok_or_else(|| {
            format!(
                "makes more than {MOST_CASELESS_CLASSES} `[` in the config's patterns \
                    that ignore case"
            )
        })
    }

    /// Compiled size in bytes that the next pattern may have.
    pub(super) fn compiled_left(&self) -> usize {
        self.compiled.min(LARGEST_PATTERN)
    }

    pub(super) fn take_compiled(&mut self, bytes: usize) -> Result<(), Overspent> {
        take(&mut self.compiled, bytes).ok_or_else(too_large_compiled)
    }

    /// Counts items of a list or keys of an object.
    ///
    /// # Errors
    /// The config has too many; the text says how many are allowed.
    pub fn take_items(&mut self, count: usize) -> Result<(), String> {
        take(&mut self.items, count).ok_or_else(|| {
            format!(
                "makes more than {MOST_ITEMS} items in the config \
                 ($in, $nin, hash_fields, override_params and headers together)"
            )
        })
    }
}

pub(super) fn too_large_compiled() -> Overspent {
    format!(
        "is too large once compiled: \
         {} KiB are allowed for a pattern, {} KiB for all of the config",
        LARGEST_PATTERN / 1024,
        LARGEST_PATTERNS / 1024
    )
}

fn take(left: &mut usize, count: usize) -> Option<()> {
    *left = left.checked_sub(count)?;
    Some(())
}

/// Some group of the pattern sets the flag `i`.
fn ignores_case(pattern: &str) -> bool {
    pattern.split("(?").skip(1).any(|group| {
        let flags = group.bytes();
        flags
            .take_while(|byte| byte.is_ascii_alphabetic())
            .any(|byte| byte == b'i')
    })
}
