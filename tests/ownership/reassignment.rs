//! A new value drops the old one; a variable may also get its only value later.
fn main() {
    let mut text = String::from("old");
    text = String::from("new");
    let late;
    if text.len() > 2 {
        late = text;
    } else {
        late = String::new();
    }
    println!("{late}");
    text = String::from("filled again");
    println!("{text}");
}
