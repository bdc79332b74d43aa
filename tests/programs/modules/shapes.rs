//! The shapes of `modules.rs`.

pub mod area;

#[derive(Debug)]
pub struct Rectangle {
    pub width: u32,
    pub height: u32,
}

impl Rectangle {
    pub fn square(side: u32) -> Self {
        Self { width: side, height: side }
    }
}
