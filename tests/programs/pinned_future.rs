//! A future is a value with states; pinned in a box, it stays where it is.
//! exit: 0

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

struct Pause(u32);

impl Future for Pause {
    type Output = u32;
    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<u32> {
        if self.0 == 0 {
            return Poll::Ready(7);
        }
        self.0 -= 1;
        Poll::Pending
    }
}

async fn tide(name: String) -> usize {
    let height = Pause(1).await;
    name.len() + height as usize
}

fn main() {
    let mut pinned: Pin<Box<dyn Future<Output = usize>>> = Box::pin(tide("spring".to_string()));
    println!("=pinned.size {}\n=pinned.bytes {}", size_of_val(&pinned), size_of_val(&*pinned)); // <new>
    //   pinned: live, place stack, size 16, owns a block, heap at printed
    println!("@pinned.heap {:p}", pinned);
    let mut cx = Context::from_waker(Waker::noop());
    let first = pinned.as_mut().poll(&mut cx);
    println!("=first {first:?}\n@pinned.heap {:p}", pinned); // <pending>
    //   first = Pending; pinned: live, heap at printed
    let second = pinned.as_mut().poll(&mut cx);
    println!("=second {second:?}"); // <ready> second = Ready(13)
}
