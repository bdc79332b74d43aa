//! Statics, thread-locals and vtables: variables outside of functions.

use std::sync::Arc;

use gimli::Operation;
use gimli::constants as dw;
use stackheap_model::{ImageAddress, LoadBias};

use crate::api::DieRef;
use crate::function::Asked;
use crate::types::id_of;
use crate::unit::Unit;
use crate::{Image, StaticPlace, StaticVariable, Vtable};

/// How the name of a vtable's variable ends.
const VTABLE: &str = "::{vtable}";
/// The name that `thread_local!` gives to the variable behind a key.
const THREAD_LOCAL: &str = "__RUST_STD_INTERNAL_VAL";

impl<'data> Image<'data> {
    /// The statics and thread-locals, by address: all of them, or those declared in files for which
    /// `user` says yes. Statics that the linker threw away are left out.
    pub fn statics(&self, user: Option<&dyn Fn(&str) -> bool>) -> Vec<StaticVariable> {
        let mut asked = Asked::new(user.unwrap_or(&|_| true));
        let mut found = Vec::new();
        for (index, unit) in (0u32..).zip(&self.units.all) {
            let mut files = unit.files(&self.units.dwarf).iter();
            if user.is_some() && !files.any(|file| asked.is_user(file)) {
                continue;
            }
            for &offset in &unit.tree().globals {
                let variable = self.static_variable(
                    unit,
                    DieRef {
                        unit: index,
                        offset,
                    },
                );
                found.extend(variable.filter(|variable| {
                    user.is_none() || asked.is_users(variable.declared.as_ref())
                }));
            }
        }
        found.sort_by(|a, b| (order(a.place), &a.name).cmp(&(order(b.place), &b.name)));
        found.dedup_by(|a, b| a.place == b.place && a.name == b.name);
        found
    }

    fn static_variable(&self, unit: &Unit<'data>, die: DieRef) -> Option<StaticVariable> {
        let chain = self.units.chain(die);
        let (_, entry) = chain.first()?;
        let name = self.units.text_of_chain(&chain, dw::DW_AT_name)?;
        if name.ends_with(VTABLE) {
            return None;
        }
        let linkage = self.units.text_of_chain(&chain, dw::DW_AT_linkage_name);
        let place = self.static_place(unit, entry.attr_value(dw::DW_AT_location)?)?;
        let kept = match place {
            StaticPlace::Address(at) => self.elf.region(at).is_some(),
            // A thread-local that was thrown away has the offset 0 of one that was not; only the
            // symbol tells.
            StaticPlace::ThreadLocal { .. } => linkage
                .as_ref()
                .is_none_or(|linkage| !self.elf.has_symbols() || self.is_linked(linkage)),
        };
        if !kept {
            return None;
        }
        let ty = chain
            .iter()
            .find_map(|(die, entry)| self.units.reference_of(*die, entry, dw::DW_AT_type))?;
        let writable = match place {
            StaticPlace::Address(at) => self.elf.is_writable(at),
            StaticPlace::ThreadLocal { .. } => true,
        };
        Some(StaticVariable {
            name: static_name(&self.units.qualified(unit, die.offset, &name)),
            linkage_name: linkage.map(|name| name.into()),
            ty: id_of(ty),
            place,
            declared: self.units.declared(&chain),
            writable,
        })
    }

    fn static_place(
        &self,
        unit: &Unit<'data>,
        location: crate::unit::Value<'data>,
    ) -> Option<StaticPlace> {
        let mut operations = location.exprloc_value()?.operations(unit.inner.encoding());
        let first = operations.next().ok()??;
        let then = operations.next().ok()?;
        let address = match first {
            Operation::Address { address } => address,
            Operation::AddressIndex { index } | Operation::ConstantIndex { index } => {
                self.units.dwarf.address(&unit.inner, index).ok()?
            }
            Operation::UnsignedConstant { value } => value,
            _ => return None,
        };
        match then {
            None => Some(StaticPlace::Address(ImageAddress(address))),
            Some(Operation::TLS) => Some(StaticPlace::ThreadLocal {
                offset_in_block: address,
                from_thread_pointer: self.facts.thread_pointer_offset(address),
            }),
            // Part of a static that was merged with others.
            Some(Operation::PlusConstant { value }) => Some(StaticPlace::Address(ImageAddress(
                address.wrapping_add(value),
            ))),
            Some(_) => None,
        }
    }

    /// The vtable that begins at an address.
    pub fn vtable_at(&self, at: ImageAddress) -> Option<Vtable> {
        let vtables = self.vtables();
        let index = vtables
            .binary_search_by_key(&at, |vtable| vtable.address)
            .ok()?;
        vtables.get(index).cloned()
    }

    /// All vtables, by address. Of several names that the linker gave one table to, the first is
    /// kept.
    pub fn vtables(&self) -> &[Vtable] {
        self.vtables.get_or_init(|| {
            let mut found = Vec::new();
            for (index, unit) in (0u32..).zip(&self.units.all) {
                for &offset in &unit.tree().globals {
                    found.extend(self.vtable(
                        unit,
                        DieRef {
                            unit: index,
                            offset,
                        },
                    ));
                }
            }
            found.sort_by(|a, b| (a.address, &a.name).cmp(&(b.address, &b.name)));
            found.dedup_by_key(|vtable| vtable.address);
            found
        })
    }

    fn vtable(&self, unit: &Unit<'data>, die: DieRef) -> Option<Vtable> {
        let entry = unit.entry(die.offset)?;
        let name = unit.string(&self.units.dwarf, entry.attr_value(dw::DW_AT_name)?)?;
        let pair = name.strip_suffix(VTABLE)?;
        let StaticPlace::Address(address) =
            self.static_place(unit, entry.attr_value(dw::DW_AT_location)?)?
        else {
            return None;
        };
        self.elf.region(address)?;
        let (layout, description) = {
            let layout = self.units.reference_of(die, &entry, dw::DW_AT_type)?;
            (layout, self.units.entry(layout)?.1)
        };
        let concrete = self
            .units
            .reference_of(layout, &description, dw::DW_AT_containing_type)?;
        let size = description
            .attr_value(dw::DW_AT_byte_size)
            .and_then(|value| value.udata_value());
        let pair = pair
            .strip_prefix('<')
            .and_then(|pair| pair.strip_suffix('>'))
            .unwrap_or(pair);
        let trait_name = crate::name::split_at_depth_zero(pair, " as ").map(|(_, of)| of);
        Some(Vtable {
            name: pair.into(),
            concrete: id_of(concrete),
            // A `dyn` of only `Send` and the like has no trait of its own.
            trait_name: trait_name.filter(|name| *name != "_").map(Arc::from),
            address,
            size: size.unwrap_or(0),
        })
    }

    /// `len` bytes of the image at `at` as the loader leaves them before the program runs:
    /// addresses in them are moved by `bias`, and what has no bytes in the file is zero. `None`
    /// where the image has no memory, or for more than 64 MiB. Addresses of other libraries'
    /// symbols are not known and left as in the file.
    pub fn read_static(&self, at: ImageAddress, len: usize, bias: LoadBias) -> Option<Vec<u8>> {
        self.elf.read(at, len, bias)
    }

    /// What kind of memory an address of the image is: [`Code`](stackheap_model::Region::Code),
    /// [`Rodata`](stackheap_model::Region::Rodata) (also what is read-only once the loader is done),
    /// [`Static`](stackheap_model::Region::Static) or, for the initial values of thread-locals,
    /// [`Tls`](stackheap_model::Region::Tls).
    pub fn section_kind_at(&self, at: ImageAddress) -> Option<stackheap_model::Region> {
        self.elf.region(at)
    }
}

fn order(place: StaticPlace) -> (u8, u64) {
    match place {
        StaticPlace::Address(at) => (0, at.0),
        StaticPlace::ThreadLocal {
            offset_in_block, ..
        } => (1, offset_in_block),
    }
}

/// The name a `thread_local!` was declared with, for the variable that the macro makes.
fn static_name(path: &str) -> Arc<str> {
    let declared = path.strip_suffix(THREAD_LOCAL).and_then(|path| {
        let (name, _) = path.rsplit_once("::{constant#0}")?;
        Some(name)
    });
    declared.unwrap_or(path).into()
}

#[cfg(test)]
mod tests {
    use super::static_name;

    #[test]
    fn thread_locals_have_the_name_they_were_declared_with() {
        let check = |path: &str, expect: &str| assert_eq!(&*static_name(path), expect);
        check(
            "a::TL::{constant#0}::{closure#1}::__RUST_STD_INTERNAL_VAL",
            "a::TL",
        );
        check("a::COUNTER", "a::COUNTER");
    }
}
