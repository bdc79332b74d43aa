//! Shapes of values without ownership: chosen fields, texts with holes, times, addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use stackheap_model::{RuntimeAddress, TypeId, Unknown, ValueKind};

use super::Shaped;
use crate::values::Decoder;
use crate::values::describe::{Content, Described, Form, Label, Part};
use crate::values::fit::Fit;
use crate::values::names;
use crate::values::path::Path;
use crate::values::view::{Subject, View};

impl Decoder<'_> {
    pub(crate) fn describe_fields(&self, view: &View, fit: &Fit) -> Shaped {
        let Subject::Type(ty) = view.subject else {
            return Ok(None);
        };
        let mut parts = Vec::new();
        for (name, paths) in &fit.recipe.fields {
            let path = paths
                .iter()
                .find(|path| path.type_from(self.types, ty).is_some());
            let Some(path) = path else { return Ok(None) };
            parts.push(match self.at_path(view, path) {
                Ok(Some(part)) => Part::named(name, part),
                Ok(None) => return Ok(None),
                Err(unknown) => Part::unknown(name, unknown),
            });
        }
        let name = fit.recipe.word("name").to_owned();
        let more = if fit.recipe.word("more") == "yes" {
            ".."
        } else {
            ""
        };
        Ok(Some(Described::new(
            ValueKind::Struct,
            Form::Struct { name, parts, more },
        )))
    }

    pub(crate) fn describe_format(&self, view: &View, fit: &Fit) -> Shaped {
        let mut parts = Vec::new();
        let mut rest = fit.recipe.word("template");
        while let Some((before, hole_on)) = rest.split_once('{') {
            let Some((hole, after)) = hole_on.split_once('}') else {
                return Ok(None);
            };
            parts.push(Part::text("", before));
            let (path, word) = match hole.split_once('?') {
                Some((path, word)) => (path, Some(word)),
                None => (hole, None),
            };
            let Some(found) = self.at_path(view, &Path::parse(path))? else {
                return Ok(None);
            };
            match word {
                None => parts.push(Part::named(path, found)),
                Some(word) => {
                    let is_set = self
                        .number_in(&found)?
                        .is_some_and(|(number, _)| number != 0);
                    parts.push(Part::text("", if is_set { word } else { "" }));
                }
            }
            rest = after;
        }
        parts.push(Part::text("", rest));
        Ok(Some(Described::new(ValueKind::Struct, Form::Joined(parts))))
    }

    pub(crate) fn describe_fixed(&self, view: &View, fit: &Fit) -> Shaped {
        let fields = self.fields_of(view);
        let parts = fields
            .iter()
            .enumerate()
            .filter_map(|(index, field)| {
                let name = crate::values::describe::shown_name(&field.name);
                Some(Part::named(name, self.field(view, index)?))
            })
            .collect();
        let text = Ok(fit.recipe.word("text").to_owned());
        let kind = match self.size_of(view) {
            Some(0) => ValueKind::Unit,
            _ => ValueKind::Struct,
        };
        Ok(Some(Described::new(kind, Form::Leaf { text, parts })))
    }

    pub(crate) fn describe_named(&self, fit: &Fit) -> Shaped {
        let Some((_, element)) = fit.part("element") else {
            return Ok(None);
        };
        let element = names::without_default_allocator(&self.types.ty(element).name);
        let text = format!("{}<{element}>", fit.recipe.word("name"));
        let note = fit.recipe.word("note");
        let kind = if note.is_empty() {
            ValueKind::Unit
        } else {
            ValueKind::Raw
        };
        let described = Described::leaf(kind, Ok(text));
        Ok(Some(if note.is_empty() {
            described
        } else {
            described.fact("contents", note)
        }))
    }

    pub(crate) fn describe_duration(&self, view: &View, fit: &Fit) -> Shaped {
        let seconds = self.number_of(view, fit, "seconds")?;
        let nanoseconds = self.number_of(view, fit, "nanoseconds")?;
        let (Some(seconds), Some(nanoseconds)) = (seconds, nanoseconds) else {
            return Ok(None);
        };
        let nanoseconds = u32::try_from(nanoseconds)
            .ok()
            .filter(|n| *n < 1_000_000_000);
        let text = match nanoseconds {
            Some(nanoseconds) => Ok(format!("{:?}", Duration::new(seconds, nanoseconds))),
            None => Err(Unknown::because(
                "a duration with a second or more of nanoseconds",
            )),
        };
        Ok(Some(Described::leaf(ValueKind::Number, text)))
    }

    fn octets(&self, view: &View, fit: &Fit) -> Result<Option<IpAddr>, Unknown> {
        let Some(octets) = self.part_of(view, fit, "octets")? else {
            return Ok(None);
        };
        let bytes = self.read(&octets, 0, self.size_of(&octets).unwrap_or(0).min(16))?;
        if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
            return Ok(Some(IpAddr::V4(Ipv4Addr::from(four))));
        }
        let sixteen = <[u8; 16]>::try_from(bytes.as_slice()).ok();
        Ok(sixteen.map(|sixteen| IpAddr::V6(Ipv6Addr::from(sixteen))))
    }

    pub(crate) fn describe_address(&self, view: &View, fit: &Fit) -> Shaped {
        let address = self.octets(view, fit)?;
        Ok(address.map(|address| Described::leaf(ValueKind::Struct, Ok(address.to_string()))))
    }

    pub(crate) fn describe_socket(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(ip) = self.part_of(view, fit, "ip")? else {
            return Ok(None);
        };
        let Some(ip_fit) = self.fit(ip.subject) else {
            return Ok(None);
        };
        let Some(address) = self.octets(&ip, &ip_fit)? else {
            return Ok(None);
        };
        let Some(port) = self.number_of(view, fit, "port")? else {
            return Ok(None);
        };
        let port = u16::try_from(port).unwrap_or(0);
        let small = |part: &str| -> Result<u32, Unknown> {
            let number = self.number_of(view, fit, part)?.unwrap_or(0);
            Ok(u32::try_from(number).unwrap_or(0))
        };
        let text = match address {
            IpAddr::V4(ip) => SocketAddrV4::new(ip, port).to_string(),
            IpAddr::V6(ip) => {
                SocketAddrV6::new(ip, port, small("flow")?, small("scope")?).to_string()
            }
        };
        Ok(Some(Described::leaf(ValueKind::Struct, Ok(text))))
    }

    pub(crate) fn describe_alignment(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(value) = self.number_of(view, fit, "value")? else {
            return Ok(None);
        };
        let text = match value.is_power_of_two() {
            true => Ok(format!("{value} (1 << {})", value.trailing_zeros())),
            false => Err(Unknown::because(format!("{value} is no alignment"))),
        };
        Ok(Some(Described::leaf(ValueKind::Number, text)))
    }

    /// The word of an `std::io::Error`, whose two lowest bits say what it is: 0 a pointer to a
    /// message in static memory, 1 a pointer to a boxed error, 2 an error code of the system in the
    /// upper half, 3 an `ErrorKind` in the upper half.
    pub(crate) fn describe_io_error(&self, view: &View, fit: &Fit) -> Shaped {
        let Some(part) = self.part_of(view, fit, "word")? else {
            return Ok(None);
        };
        let Some(pointer) = self.pointer_in(&part)? else {
            return Ok(None);
        };
        let Some(word) = self.address_in(&pointer)? else {
            return Ok(None);
        };
        let upper = word.0 >> 32;
        Ok(match word.0 & 3 {
            0 => {
                let Some(message) = self.named_behind(fit, "message", word) else {
                    return Ok(None);
                };
                let part = Part {
                    followed: true,
                    ..Part::behind(message)
                };
                Some(Described::new(ValueKind::Struct, Form::Same(part)))
            }
            1 => {
                let at = RuntimeAddress(word.0.wrapping_sub(1));
                let Some(custom) = self.named_behind(fit, "custom", at) else {
                    return Ok(None);
                };
                let part = Part {
                    followed: true,
                    ..Part::behind(custom)
                };
                Some(Described::new(ValueKind::Struct, Form::Same(part)))
            }
            2 => self.describe_os_error(upper),
            _ => {
                let kind = self.error_kind(fit, upper);
                let part = Part {
                    label: Label::Name("kind".into()),
                    content: kind,
                    followed: false,
                };
                let form = Form::Tuple {
                    name: "Kind".into(),
                    parts: vec![part],
                };
                Some(Described::new(ValueKind::Enum, form))
            }
        })
    }

    fn named_behind(&self, fit: &Fit, word: &str, at: RuntimeAddress) -> Option<View> {
        Some(self.view_behind(Subject::Type(self.type_of_word(fit, word)?), at, None))
    }

    /// The type that a recipe names.
    pub(crate) fn type_of_word(&self, fit: &Fit, word: &str) -> Option<TypeId> {
        fit.recipe
            .words(word)
            .iter()
            .find_map(|name| self.types.type_named(name))
    }

    /// An error code; the message is the system's, as it is where the recording is read.
    fn describe_os_error(&self, code: u64) -> Option<Described> {
        let error = std::io::Error::from_raw_os_error(u32::try_from(code).ok()?.cast_signed());
        let text = Ok(format!("{error:?}"));
        Some(Described::leaf(ValueKind::Struct, text).fact("code", code))
    }

    fn error_kind(&self, fit: &Fit, number: u64) -> Content {
        let ty = self.type_of_word(fit, "kind");
        let name = ty.and_then(|ty| self.enumerator(&self.types.ty(ty), u128::from(number)));
        match name {
            Some(name) => Content::Text(name.to_string()),
            None => Content::Unknown(Unknown::because(format!("the error kind {number}"))),
        }
    }
}
