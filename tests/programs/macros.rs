//! Macros by example: their text becomes statements of the function that uses them.
//! exit: 0

macro_rules! largest {
    ($only:expr) => { $only };
    ($first:expr, $($rest:expr),+) => {{
        let first = $first;
        let rest = largest!($($rest),+);
        if first > rest { first } else { rest }
    }};
}

macro_rules! map {
    ($($key:expr => $value:expr),* $(,)?) => {{
        let mut map = std::collections::BTreeMap::new();
        $(map.insert($key, $value);)*
        map
    }};
}

fn main() {
    let top = largest!(3, 17, 5);
    println!("=top {top}"); // <largest> top = 17
    let ports = map! { "http" => 80, "ssh" => 22 };
    println!("=ports {ports:?}\n=ports.len {}\n@ports {:p}", ports.len(), &ports); // <map>
    //   ports: live, at printed, owns a block; ports = {"http": 80, "ssh": 22}; ports.len = 2
    assert_eq!(ports["ssh"], 22, "the map has what was written");
    let text = format!("{top:>5}|{:<4}|", "ab");
    println!("=text {text:?}"); // <formatted> text: owns a block; text = "   17|ab  |"
}
