//! What a macro's text does stands beside the macro's call.
macro_rules! keep {
    ($list:expr, $item:expr) => {{
        let copy = $item.clone();
        $list.push(copy);
        $item
    }};
}

macro_rules! make {
    ($name:ident) => {
        fn $name(text: String) -> usize {
            let moved = text;
            moved.len()
        }
    };
}

make!(measure);

fn main() {
    let mut list = vec![String::from("a")];
    let item = format!("{}b", list[0]);
    let again = keep!(list, item);
    assert_eq!(list.len(), 2);
    let all = [again, String::new()];
    println!("{all:?} {}", measure(String::from("x")));
}
