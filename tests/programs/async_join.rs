//! A small executor that wakes itself: a hand-written waker, and one future inside another.
//! exit: 0

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake};

struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

async fn half(n: u32) -> u32 {
    let mut left = 2;
    std::future::poll_fn(|cx| {
        left -= 1;
        if left == 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    let halved = n / 2;
    println!("=halved {halved}\n=left {left}"); // <half> halved = 10; left = 0
    halved
}

async fn quarter(n: u32) -> u32 {
    let once = half(n).await;
    println!("=once {once}"); // <between> once = 10
    half(once).await
}

fn block_on<F: Future>(future: F) -> F::Output {
    let bell = Arc::new(Bell(AtomicU32::new(0)));
    let waker = Arc::clone(&bell).into();
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            println!("=bell.strong {}", Arc::strong_count(&bell)); // <ready> bell: live, shares a block; bell.strong = 2
            return value;
        }
    }
}

fn main() {
    let result = block_on(quarter(20));
    println!("=result {result}"); // <done> result = 5
}
