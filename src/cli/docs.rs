//! `throughway docs`: prints a reference page from the code, for the files in `docs`.

use super::args::Page;
use crate::{config, directives, error, observe, route};

/// The text of a page.
pub fn page(page: Page) -> String {
    match page {
        Page::Headers => directives::page(),
        Page::Settings => config::page(),
        Page::Schema => config::schema_page(),
        Page::Config => route::config::page(),
        Page::Providers => route::catalogue::page(),
        Page::Errors => error::page(),
        Page::Metrics => observe::metrics::page(),
        Page::Mock => throughway_mock::page(),
    }
}
