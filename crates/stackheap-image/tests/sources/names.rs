//! Functions of many kinds, each called.
use std::fmt;
use std::hint::black_box;

struct Stack<T> { items: Vec<T> }
impl<T> Stack<T> {
    #[inline(never)] fn push(&mut self, item: T) -> usize { self.items.push(item); self.items.len() }
    #[inline(never)] fn map<U: From<u8>>(&self) -> U { U::from(self.items.len() as u8) }
}
impl Stack<u64> { #[inline(never)] fn total(&self) -> u64 { self.items.iter().map(|item| item + 1).sum() } }
impl<T: fmt::Debug> fmt::Display for Stack<T> {
    #[inline(never)] fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{:?}", self.items) }
}
impl<T> Drop for Stack<T> { #[inline(never)] fn drop(&mut self) { let count = || black_box(self.items.len()); count(); } }

mod inner {
    pub trait Eat { fn eat<F: Copy>(&self, food: F) -> F; fn twice(&self) -> u32 { black_box_two() } }
    #[inline(never)] fn black_box_two() -> u32 { std::hint::black_box(2) }
    pub mod deep {
        impl super::Eat for super::super::Stack<i8> {
            #[inline(never)] fn eat<F: Copy>(&self, food: F) -> F { fn helper<F: Copy>(food: F) -> F { food } helper(food) }
        }
        impl super::Eat for u16 { #[inline(never)] fn eat<F: Copy>(&self, food: F) -> F { food } }
    }
}
use inner::Eat;

#[inline(never)] fn generic<T: Copy, const N: usize>(values: [T; N]) -> T { values[N - 1] }

fn main() {
    let mut stack = Stack { items: vec![1u64] };
    stack.push(2);
    let mapped: u32 = stack.map();
    let total = stack.total();
    let bytes = Stack { items: vec![1i8] };
    println!("{stack} {mapped} {total} {} {} {}", bytes.eat(5u8), 7u16.eat('c'), bytes.twice());
    println!("{} {}", generic([1u8, 2]), generic([1u64, 2, 3]));
}
