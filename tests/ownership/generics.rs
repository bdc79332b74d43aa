//! A generic function is shown once, as it is written.
use std::fmt::Display;

fn keep_first<T: Display, I: IntoIterator<Item = T>>(items: I) -> Option<T> {
    let mut items = items.into_iter();
    let first = items.next()?;
    for item in items {
        println!("not kept: {item}");
    }
    Some(first)
}

struct Stack<T> {
    items: Vec<T>,
}

impl<T: Clone> Stack<T> {
    fn push(&mut self, item: T) -> &mut Self {
        self.items.push(item);
        self
    }

    fn top(&self) -> Option<&T> {
        self.items.last()
    }
}

fn main() {
    let mut stack = Stack { items: Vec::new() };
    stack.push(String::from("a")).push(String::from("b"));
    let top = stack.top().cloned();
    println!("{top:?} {:?}", keep_first(stack.items));
}
