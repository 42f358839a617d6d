//! Pages of lists: which part, in which order, and the opaque cursor to the next.

/// Which part of a list.
#[derive(Clone, Debug)]
pub struct Page<S> {
    /// The order.
    pub sort: S,
    /// From the greatest to the least.
    pub descending: bool,
    /// `next_cursor` of the page before; none: the first page. A cursor of another order is refused.
    pub cursor: Option<String>,
    /// At most so many; 1 to 1000.
    pub limit: u32,
}

impl<S: Default> Default for Page<S> {
    fn default() -> Self {
        Self { sort: S::default(), descending: false, cursor: None, limit: 100 }
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// The things.
    pub items: Vec<T>,
    /// Where the next page begins; none: this is the last.
    pub next_cursor: Option<String>,
}
