//! Prototypes of the kernel functions that BPF programs may call.

use super::Dump;
use super::names::Name;
use crate::Result;
use crate::btf::{Kind, TypeId};
use alloc::string::String;
use alloc::vec::Vec;

/// The tag of such a function, since Linux 6.10.
const KFUNC: &str = "bpf_kfunc";
/// The tag of one that keeps registers.
const FASTCALL: &str = "bpf_fastcall";

const BEFORE: &str = "#ifndef BPF_NO_KFUNC_PROTOTYPES\n\
    #ifndef __ksym\n\
    #define __ksym __attribute__((section(\".ksyms\")))\n\
    #endif\n\n\
    #ifndef __weak\n\
    #define __weak __attribute__((weak))\n\
    #endif\n\n\
    #ifndef __bpf_fastcall\n\
    #if __has_attribute(bpf_fastcall)\n\
    #define __bpf_fastcall __attribute__((bpf_fastcall))\n\
    #else\n\
    #define __bpf_fastcall\n\
    #endif\n\
    #endif\n\n";
const AFTER: &str = "\n#endif\n\n";

impl Dump<'_> {
    /// Declares the functions that have the tag, by name.
    pub(super) fn kfuncs(&mut self) -> Result<()> {
        let mut tagged: Vec<(&str, TypeId)> = Vec::new();
        let mut fast: Vec<TypeId> = Vec::new();
        for tag in self.btf.iter().filter(|ty| ty.kind() == Kind::DeclTag) {
            let func = self.btf.ty(tag.target().unwrap_or_default())?;
            match tag.name()? {
                _ if func.kind() != Kind::Func => {}
                KFUNC => tagged.push((func.name()?, func.id())),
                FASTCALL => fast.push(func.id()),
                _ => {}
            }
        }
        if tagged.is_empty() {
            return Ok(());
        }
        tagged.sort_unstable();
        tagged.dedup_by_key(|(name, _)| *name);
        for (_, id) in &tagged {
            let proto = self.btf.ty(*id)?.target();
            self.need(proto.unwrap_or_default(), false, 0)?;
        }
        self.out.push_str(BEFORE);
        for (name, id) in tagged {
            self.kfunc(name, id, fast.contains(&id))?;
        }
        self.out.push_str(AFTER);
        Ok(())
    }

    fn kfunc(&mut self, name: &str, id: TypeId, fast: bool) -> Result<()> {
        let proto = self.btf.ty(id)?.target().unwrap_or_default();
        let returns = self.btf.ty(proto)?.target().unwrap_or_default();
        let mut head = String::from(name);
        core::mem::swap(&mut head, &mut self.out);
        self.params(proto, true, 0, 0)?;
        core::mem::swap(&mut head, &mut self.out);
        self.out.push_str("extern ");
        self.declaration(returns, &Name::whole(head), 0, 0)?;
        self.out.push_str(" __weak __ksym");
        self.out
            .push_str(if fast { " __bpf_fastcall;\n" } else { ";\n" });
        Ok(())
    }
}
