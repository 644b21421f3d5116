//! Makes a module that Stylus' validator takes.
//!
//! Its parser knows neither reference types nor the data-count section, so table operands
//! must be one zero byte (not a padded number, as LLVM writes) and that section must go.
//! Custom sections and exports nobody calls go too: every byte costs gas with every call.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{CodeSection, ExportSection, Module, RawSection};
use wasmparser::{ExternalKind, Parser, Payload, Validator, WasmFeatures};

const KEPT_EXPORTS: [&str; 2] = ["memory", "user_entrypoint"];

/// A module that cannot become a Stylus program.
#[derive(Debug, thiserror::Error)]
pub enum NormaliseError {
    /// It is not valid even for a general parser.
    #[error("the module cannot be parsed: {0}")]
    Parse(#[from] wasmparser::BinaryReaderError),
    /// It cannot be written again.
    #[error("the module cannot be re-encoded: {0}")]
    Encode(String),
    /// It uses what Stylus does not offer.
    #[error("Stylus would refuse the module: {0}")]
    Refused(wasmparser::BinaryReaderError),
    /// It imports what Stylus does not offer.
    #[error("it imports {0}, and only functions of vm_hooks exist")]
    Import(String),
    /// It lacks what Stylus calls.
    #[error("it does not export {0}")]
    Export(&'static str),
    /// Stylus refuses start functions.
    #[error("it has a start function")]
    Start,
}

/// The same program in the encoding that Stylus takes.
pub fn normalise(wasm: &[u8]) -> Result<Vec<u8>, NormaliseError> {
    let mut module = Module::new();
    let mut exported = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::CustomSection(_) | Payload::DataCountSection { .. } => continue,
            Payload::StartSection { .. } => return Err(NormaliseError::Start),
            Payload::ImportSection(imports) => check_imports(imports.clone())?,
            Payload::ExportSection(section) => {
                let mut exports = ExportSection::new();
                for export in section.clone() {
                    let export = export?;
                    if KEPT_EXPORTS.contains(&export.name) {
                        RoundtripReencoder.parse_export(&mut exports, export).map_err(encode)?;
                        exported.push((export.name.to_owned(), export.kind));
                    }
                }
                module.section(&exports);
                continue;
            }
            Payload::CodeSectionStart { unchecked_range: range, .. } => {
                let bytes = &wasm[range.start as usize..range.end as usize];
                let reader = wasmparser::BinaryReader::new(bytes, range.start);
                let section = wasmparser::CodeSectionReader::new(reader)?;
                let mut code = CodeSection::new();
                RoundtripReencoder.parse_code_section(&mut code, section).map_err(encode)?;
                module.section(&code);
                continue;
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            let data = &wasm[range.start as usize..range.end as usize];
            module.section(&RawSection { id, data });
        }
    }
    check_exports(&exported)?;
    let module = module.finish();
    Validator::new_with_features(stylus_features())
        .validate_all(&module)
        .map_err(NormaliseError::Refused)?;
    Ok(module)
}

/// What a program may use. Stylus also takes float moves and, for now, multi-value; our
/// programs need neither.
fn stylus_features() -> WasmFeatures {
    WasmFeatures::empty()
        | WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::BULK_MEMORY_OPT
}

fn encode(error: wasm_encoder::reencode::Error) -> NormaliseError {
    NormaliseError::Encode(error.to_string())
}

fn check_imports(imports: wasmparser::ImportSectionReader<'_>) -> Result<(), NormaliseError> {
    for import in imports.into_imports() {
        let import = import?;
        let is_function = matches!(import.ty, wasmparser::TypeRef::Func(_));
        if import.module != "vm_hooks" || !is_function {
            return Err(NormaliseError::Import(format!("{}.{}", import.module, import.name)));
        }
    }
    Ok(())
}

fn check_exports(exported: &[(String, ExternalKind)]) -> Result<(), NormaliseError> {
    let kinds = [ExternalKind::Memory, ExternalKind::Func];
    for (name, kind) in KEPT_EXPORTS.into_iter().zip(kinds) {
        if !exported.contains(&(name.to_owned(), kind)) {
            return Err(NormaliseError::Export(name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(body: &str) -> Vec<u8> {
        wat::parse_str(format!(
            r#"(module
                (import "vm_hooks" "pay_for_memory_grow" (func (param i32)))
                (memory (export "memory") 1)
                {body})"#
        ))
        .expect("valid text")
    }

    const ENTRY: &str = r#"(func (export "user_entrypoint") (param i32) (result i32) i32.const 0)"#;

    fn sections(wasm: &[u8]) -> Vec<u8> {
        let payloads = Parser::new(0).parse_all(wasm).map(|payload| payload.expect("valid"));
        payloads.filter_map(|payload| payload.as_section().map(|(id, _)| id)).collect()
    }

    #[test]
    fn unwanted_sections_and_exports_go() {
        let before = module(&format!(
            r#"(global (export "__heap_base") i32 (i32.const 8)) (data $d "x")
               (func (export "other") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)))
               (@custom "producers" "rust") {ENTRY}"#
        ));
        assert!(sections(&before).contains(&12), "has a data-count section");
        // memory.init needs the section that Stylus refuses.
        assert!(matches!(normalise(&before), Err(NormaliseError::Refused(_))));

        let before = module(&format!(
            r#"(global (export "__heap_base") i32 (i32.const 8)) (data (i32.const 0) "x")
               (@custom "producers" "rust") {ENTRY}"#
        ));
        let after = normalise(&before).expect("valid");
        assert!(!sections(&after).contains(&0) && !sections(&after).contains(&12));
        assert!(after.len() < before.len());
    }

    #[test]
    fn padded_table_operands_become_one_byte() {
        let mut wasm = module(&format!(
            r#"(table 1 funcref) (elem (i32.const 0) 0)
               (func (param i32) local.get 0 i32.const 0 call_indirect (param i32)) {ENTRY}"#
        ));
        // call_indirect of table 0, written as LLVM does: 80 80 80 80 00
        let at = wasm.windows(3).position(|bytes| bytes == [0x11, 0x00, 0x00]).expect("call");
        wasm.splice(at + 2..at + 3, [0x80, 0x80, 0x80, 0x80, 0x00]);
        // The section: id, length, number of bodies, length of the first body.
        let code = section_start(&wasm, 10);
        wasm[code + 1] += 4;
        wasm[code + 3] += 4;
        let strict = Validator::new_with_features(stylus_features()).validate_all(&wasm);
        assert!(strict.is_err(), "Stylus refuses it before");
        normalise(&wasm).expect("accepted after");
    }

    /// Where the section `id` begins; its length follows as one byte.
    fn section_start(wasm: &[u8], id: u8) -> usize {
        let mut at = 8;
        while wasm[at] != id {
            at += 2 + usize::from(wasm[at + 1]);
        }
        at
    }

    #[test]
    fn what_stylus_refuses_is_refused_here() {
        let float = module(&format!("(func (result f32) f32.const 1 f32.const 1 f32.add) {ENTRY}"));
        assert!(matches!(normalise(&float), Err(NormaliseError::Refused(_))));
        let start = module(&format!("(func $s) (start $s) {ENTRY}"));
        assert!(matches!(normalise(&start), Err(NormaliseError::Start)));
        assert!(matches!(normalise(&module("")), Err(NormaliseError::Export("user_entrypoint"))));
        let foreign = wat::parse_str(r#"(module (import "env" "f" (func)))"#).expect("valid text");
        assert!(
            matches!(normalise(&foreign), Err(NormaliseError::Import(name)) if name == "env.f")
        );
    }
}
