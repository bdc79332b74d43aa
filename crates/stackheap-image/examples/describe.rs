//! Prints what the debug information of an executable says about the functions whose files lie
//! under a directory: `describe PROGRAM DIRECTORY`.

use std::collections::BTreeMap;
use std::time::Instant;

use stackheap_image::Image;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, directory] = arguments.as_slice() else {
        return Err("usage: describe PROGRAM DIRECTORY".into());
    };
    let data = std::fs::read(program)?;
    let start = Instant::now();
    let image = Image::parse(&data)?;
    let opened = start.elapsed();
    let is_user = |file: &str| file.starts_with(directory.as_str());
    let (functions, problems) = image.functions(&is_user);
    let listed = start.elapsed();
    let mut types = BTreeMap::new();
    let mut text = String::new();
    for function in &functions {
        text += &format!("{} {}\n", function.low, function.name);
        let rows = image.lines(function);
        text += &format!(
            "  {} rows, {} landing pads, entered with {:?}\n",
            rows.len(),
            image.landing_pads(function).len(),
            image.cfa(function.low)
        );
        for variable in image.variables(function) {
            let ty = image.ty(variable.ty);
            text += &format!("  {:?} {}: {}\n", variable.role, variable.name, ty.name);
            types.insert(ty.name.to_string(), ty);
        }
    }
    let done = start.elapsed();
    print!("{text}");
    for (name, ty) in &types {
        println!("{name}: {:?} {:?} {:?}", ty.size, ty.align, ty.kind);
    }
    for variable in image.statics(Some(&is_user)) {
        println!(
            "{:?} {}: {}",
            variable.place,
            variable.name,
            image.ty(variable.ty).name
        );
    }
    for vtable in image.vtables() {
        println!("{} {}", vtable.address, vtable.name);
    }
    for problem in problems {
        eprintln!("{problem}");
    }
    eprintln!("{:?}", image.facts());
    eprintln!("opened {opened:?}, functions {listed:?}, variables and types {done:?}");
    Ok(())
}
