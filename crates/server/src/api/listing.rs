//! Lists: `limit`, `cursor` and `sort` in, `items` and `next_cursor` out.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::params::Params;
use crate::app::page::{Listed, MOST, Page, Part, USUAL};

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The things on this page.
    pub items: Vec<T>,
    /// Give it as `cursor` to get the next page; null: this is the last one.
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// Of a page, each item as it is shown.
    pub fn of<S>(listed: Listed<S>, show: impl Fn(S) -> T) -> Self {
        Self { items: listed.items.into_iter().map(show).collect(), next_cursor: listed.next_cursor }
    }
}

/// Which page.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// At most so many items.
    #[param(minimum = 1, maximum = 1000, default = 100, value_type = Option<u32>)]
    pub limit: usize,
    /// `next_cursor` of the page before. It holds for the same `sort` only.
    pub cursor: Option<String>,
}

impl Paging {
    /// From the query.
    pub fn read(params: &mut Params) -> Self {
        Self { limit: params.number("limit", 1..=MOST).unwrap_or(USUAL), cursor: params.text("cursor") }
    }

    /// In an order of a list that is held in memory.
    pub fn part(self, sort: &'static str, descending: bool) -> Part {
        Part { sort, descending, cursor: self.cursor, limit: self.limit }
    }

    /// In an order of a list that the store pages.
    pub fn page<S>(self, sort: S, descending: bool) -> Page<S> {
        Page { sort, descending, cursor: self.cursor, limit: u32::try_from(self.limit).unwrap_or(u32::MAX) }
    }
}

/// The order: a name of the list, `-` before it for the greatest first. The first name is the usual one.
pub fn sort(params: &mut Params, names: &[&'static str]) -> (&'static str, bool) {
    let usual = (names.first().copied().unwrap_or_default(), false);
    let allowed = format!("one of {}, or one with - before it for the greatest first", names.join(", "));
    let find = |text: &str| {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        names.iter().find(|n| **n == name).map(|n| (*n, descending))
    };
    params.read("sort", &allowed, find).unwrap_or(usual)
}
