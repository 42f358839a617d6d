//! A vendor that does not exist is made of data alone, and served.
