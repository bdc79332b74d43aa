//! An `async fn` owns its arguments from the call on; what is needed behind an `.await` waits in it.
async fn other() -> u8 {
    1
}

async fn go(text: String, by: &str) -> usize {
    let kept = text;
    let number = other().await;
    let block = async { kept.len() };
    block.await + by.len() + usize::from(number)
}

fn main() {
    let future = go(String::from("a"), "b");
    drop(future);
}
