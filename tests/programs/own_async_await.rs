//! What an async function keeps across an `.await` lies in its future until it is done.
//! exit: 0
//! drawing: none

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

async fn work() -> usize {
    let across = Noisy("across");
    let before = across.0.len(); // <made> across: live
    Once(false).await;
    println!("{}", across.0); // <resumed> across: live, place stack
    before + across.0.len()
}

fn main() {
    let mut future = pin!(work());
    let mut context = Context::from_waker(Waker::noop());
    let first = future.as_mut().poll(&mut context).is_pending();
    println!("{first}"); // <pending> first: live; output ends ""
    let second = future.as_mut().poll(&mut context);
    println!("{second:?}"); // <done> second: live; output ends "across\ndrop across\n"
}
