//! `throughway docs`: prints a reference page from the code, for the files in `docs`.

use super::args::Page;
use crate::{config, directives};

/// The text of a page.
pub fn page(page: Page) -> String {
    match page {
        Page::Headers => directives::page(),
        Page::Settings => config::page(),
    }
}
