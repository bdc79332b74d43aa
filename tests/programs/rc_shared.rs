//! Cloning an `Rc` copies a pointer and raises a count; the value exists once.
//! exit: 0

use std::rc::Rc;

fn main() {
    let map = Rc::new([3, 1, 4]);
    let scout = Rc::clone(&map);
    println!("=map {map:?}\n=scout {scout:?}"); // <two>
    //   map: live, place stack, shares block with scout
    //   map = [3, 1, 4]; scout = [3, 1, 4]; map.strong = 2; map.weak = 0
    println!("=map.strong {}\n=map.weak {}", Rc::strong_count(&map), Rc::weak_count(&map));
    {
        let guide = Rc::clone(&scout);
        println!("=guide {guide:?}\n=guide.strong {}\n@guide {:p}", Rc::strong_count(&guide), &guide); // <three>
        //   guide: live, at printed, shares block with map, shares block with scout
        //   guide = [3, 1, 4]; guide.strong = 3
    }
    println!("=scout.strong {}", Rc::strong_count(&scout)); // <two-again> scout.strong = 2
    drop(map);
    println!("=scout.strong {}\n=scout {scout:?}", Rc::strong_count(&scout)); // <one>
    //   scout: live; scout.strong = 1; scout = [3, 1, 4]
}
