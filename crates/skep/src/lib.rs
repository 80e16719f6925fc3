//! The library.
#![no_std]
