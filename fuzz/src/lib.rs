//! What the fuzz targets call.

pub mod entries;
pub mod ring;
pub mod seeds;
