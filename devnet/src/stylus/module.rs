//! Reads a WASM binary into the parts that instrumentation and pricing work on.

use wasmparser::{
    BinaryReaderError, ConstExpr, DataKind, ElementItems, ElementKind, ExternalKind, FuncType,
    GlobalType, KnownCustom, MemoryType, Name, Operator, Parser, Payload, TableInit, TableType,
    TypeRef, ValType, Validator, WasmFeatures,
};

use super::validate;

/// Why a module cannot be a program. The text names the offending part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// Not valid WASM under the enabled features.
    #[error("failed to validate wasm: {0}")]
    Invalid(String),
    /// Valid WASM that Stylus does not accept.
    #[error("{0}")]
    Unsupported(String),
    /// A count above its limit.
    #[error("too many {what}: {count} > {limit}")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many are allowed.
        limit: u64,
    },
}

impl From<BinaryReaderError> for ModuleError {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl ModuleError {
    pub(super) fn unsupported(text: impl Into<String>) -> Self {
        Self::Unsupported(text.into())
    }
}

/// Last ArbOS version that accepts multi-value blocks and functions.
pub const LAST_WITH_MULTI_VALUE: u64 = 59;

/// Rules that differ between chains and versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// ArbOS version.
    pub arbos: u64,
    /// Debug chain: `console` imports and start functions are accepted.
    pub debug: bool,
}

impl Rules {
    /// Whether multi-value blocks and functions are accepted.
    #[must_use]
    pub const fn multi_value(self) -> bool {
        self.arbos <= LAST_WITH_MULTI_VALUE
    }
}

/// An imported function.
#[derive(Clone, Debug)]
pub(super) struct Import<'a> {
    pub module: &'a str,
    pub name: &'a str,
    pub ty: u32,
}

/// A function of the module.
#[derive(Clone, Debug)]
pub(super) struct Function<'a> {
    pub ty: u32,
    pub locals: Vec<(u32, ValType)>,
    pub ops: Vec<Operator<'a>>,
}

/// A table part or memory part that is written at instantiation.
#[derive(Clone, Debug)]
pub(super) struct Segment<T> {
    pub offset: i32,
    pub items: T,
}

/// A parsed module.
#[derive(Clone, Debug, Default)]
pub struct Module<'a> {
    pub(super) types: Vec<FuncType>,
    pub(super) imports: Vec<Import<'a>>,
    pub(super) functions: Vec<Function<'a>>,
    pub(super) tables: Vec<TableType>,
    pub(super) memories: Vec<MemoryType>,
    pub(super) globals: Vec<(GlobalType, Operator<'a>)>,
    pub(super) exports: Vec<(&'a str, ExternalKind, u32)>,
    pub(super) start: Option<u32>,
    pub(super) elements: Vec<Segment<Vec<u32>>>,
    pub(super) data: Vec<Segment<&'a [u8]>>,
    pub(super) name: &'a str,
    pub(super) counts: Counts,
}

/// Sizes that limits and prices are computed from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub wasm_len: u64,
    pub data_segments: u64,
    pub data_payload: u64,
    pub data_encoded: u64,
    pub element_segments: u64,
    pub element_encoded: u64,
}

impl<'a> Module<'a> {
    /// Validates and reads a binary, then checks everything that does not depend on
    /// instrumented code.
    ///
    /// # Errors
    /// [`ModuleError`] with the first rule that is broken.
    pub fn parse(wasm: &'a [u8], rules: Rules) -> Result<Self, ModuleError> {
        let features = features(rules);
        Validator::new_with_features(features).validate_all(wasm)?;
        let mut module = Self::default();
        module.counts.wasm_len = wasm.len() as u64;
        let mut parser = Parser::new(0);
        parser.set_features(features);
        let mut function_types = Vec::new();
        for payload in parser.parse_all(wasm) {
            module.read(payload?, &mut function_types)?;
        }
        validate::check(&mut module, rules)?;
        Ok(module)
    }

    fn read(
        &mut self,
        payload: Payload<'a>,
        function_types: &mut Vec<u32>,
    ) -> Result<(), ModuleError> {
        match payload {
            Payload::TypeSection(reader) => {
                self.types = reader.into_iter_err_on_gc_types().collect::<Result<_, _>>()?;
            }
            Payload::ImportSection(reader) => {
                for import in reader.into_imports() {
                    let import = import?;
                    let TypeRef::Func(ty) = import.ty else {
                        let name = import.name;
                        return Err(ModuleError::unsupported(format!(
                            "unsupported import kind: {name} is not a function"
                        )));
                    };
                    self.imports.push(Import { module: import.module, name: import.name, ty });
                }
            }
            Payload::FunctionSection(reader) => {
                *function_types = reader.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::TableSection(reader) => {
                for table in reader {
                    let table = table?;
                    if !matches!(table.init, TableInit::RefNull) {
                        return Err(ModuleError::unsupported("table with an initialiser"));
                    }
                    self.tables.push(table.ty);
                }
            }
            Payload::MemorySection(reader) => {
                self.memories = reader.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::GlobalSection(reader) => {
                for global in reader {
                    let global = global?;
                    self.globals.push((global.ty, constant(&global.init_expr)?));
                }
            }
            Payload::ExportSection(reader) => {
                for export in reader {
                    let export = export?;
                    self.exports.push((export.name, export.kind, export.index));
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(reader) => self.read_elements(reader)?,
            Payload::DataSection(reader) => self.read_data(reader)?,
            Payload::CodeSectionEntry(body) => {
                let index = self.functions.len();
                let ty = *function_types
                    .get(index)
                    .ok_or_else(|| ModuleError::unsupported("code without a function"))?;
                self.functions.push(read_function(&body, ty)?);
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    self.read_names(names)?;
                }
            }
            Payload::Version { .. } | Payload::CodeSectionStart { .. } | Payload::End(_) => {}
            Payload::DataCountSection { .. } => {
                return Err(ModuleError::unsupported("unsupported section: data count"));
            }
            _ => return Err(ModuleError::unsupported("unsupported section")),
        }
        Ok(())
    }

    fn read_elements(
        &mut self,
        reader: wasmparser::ElementSectionReader<'a>,
    ) -> Result<(), ModuleError> {
        for element in reader {
            let element = element?;
            self.counts.element_segments += 1;
            self.counts.element_encoded += element.range.end - element.range.start;
            let ElementItems::Functions(items) = element.items else {
                return Err(ModuleError::unsupported("element segment of expressions"));
            };
            let ElementKind::Active { offset_expr, .. } = element.kind else { continue };
            self.elements.push(Segment {
                offset: offset(&offset_expr)?,
                items: items.into_iter().collect::<Result<_, _>>()?,
            });
        }
        Ok(())
    }

    fn read_data(&mut self, reader: wasmparser::DataSectionReader<'a>) -> Result<(), ModuleError> {
        for data in reader {
            let data = data?;
            self.counts.data_segments += 1;
            self.counts.data_payload += data.data.len() as u64;
            self.counts.data_encoded += data.range.end - data.range.start;
            let DataKind::Active { offset_expr, .. } = data.kind else { continue };
            self.data.push(Segment { offset: offset(&offset_expr)?, items: data.data });
        }
        Ok(())
    }

    fn read_names(&mut self, names: wasmparser::NameSectionReader<'a>) -> Result<(), ModuleError> {
        for name in names {
            match name? {
                Name::Module { name, .. } => self.name = name,
                Name::Function(map) => {
                    for naming in map {
                        naming?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Type of a function by its index, imports first.
    pub(super) fn function_type(&self, index: u32) -> Option<&FuncType> {
        let index = index as usize;
        let ty = match self.imports.get(index) {
            Some(import) => import.ty,
            None => self.functions.get(index - self.imports.len())?.ty,
        };
        self.types.get(ty as usize)
    }

    /// The only memory; validation made sure that there is one.
    pub(super) fn memory(&self) -> MemoryType {
        self.memories.first().copied().unwrap_or(MemoryType {
            memory64: false,
            shared: false,
            initial: 0,
            maximum: Some(0),
            page_size_log2: None,
        })
    }

    /// Pages a call opens before its first instruction.
    #[must_use]
    pub fn footprint(&self) -> u16 {
        u16::try_from(self.memory().initial).unwrap_or(u16::MAX)
    }
}

fn features(rules: Rules) -> WasmFeatures {
    let mut features = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::FLOATS
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::GC_TYPES;
    features.set(WasmFeatures::MULTI_VALUE, rules.multi_value());
    features
}

fn read_function<'a>(
    body: &wasmparser::FunctionBody<'a>,
    ty: u32,
) -> Result<Function<'a>, ModuleError> {
    let locals = body.get_locals_reader()?.into_iter().collect::<Result<_, _>>()?;
    let ops = body.get_operators_reader()?.into_iter().collect::<Result<_, _>>()?;
    Ok(Function { ty, locals, ops })
}

/// The single constant instruction of an initialiser.
fn constant<'a>(expr: &ConstExpr<'a>) -> Result<Operator<'a>, ModuleError> {
    let mut ops = expr.get_operators_reader();
    let first = ops.read()?;
    let rest = ops.read()?;
    let is_const = matches!(
        first,
        Operator::I32Const { .. }
            | Operator::I64Const { .. }
            | Operator::F32Const { .. }
            | Operator::F64Const { .. }
    );
    if is_const && matches!(rest, Operator::End) && ops.eof() {
        Ok(first)
    } else {
        Err(ModuleError::unsupported("initialiser is not a single constant"))
    }
}

fn offset(expr: &ConstExpr<'_>) -> Result<i32, ModuleError> {
    match constant(expr)? {
        Operator::I32Const { value } => Ok(value),
        _ => Err(ModuleError::unsupported("segment offset is not an i32 constant")),
    }
}
