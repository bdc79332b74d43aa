//! Names and texts beyond ASCII: positions count bytes, readers see letters.
//! exit: 0

struct Größe {
    länge: f32,
}

#[rustfmt::skip]
fn verdopple(größe: &Größe) -> f32 {
    let größer = größe.länge * 2.0; /* é */ println!("=größer {größer:?}"); // <doubled> größe: live, borrows main::maß
    größer
}

fn main() {
    let maß = Größe { länge: 2.5 };
    let 海 = "日本海";
    println!("=海 {海:?}\n@maß {:p}\n=海.size {}", &maß, size_of_val(&海)); // <names>
    //   海: live, borrows 9 bytes of rodata, size 16; 海 = "日本海"; maß: at printed
    let résultat = verdopple(&maß);
    println!("=résultat {résultat:?}"); // <result> résultat = 5.0
}
