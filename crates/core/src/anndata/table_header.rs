//! What stands in a table, without its values; and how to get any one column of it.

use annstream_store::{ArrayType, AttrValue, Attrs, DType, Error, NodeKind, Result};
use indexmap::IndexMap;

use super::ReadContext;
use super::context::join;
use super::encoding::{Encoding, categorical, column, dataframe, values};
use crate::table::{Column, Table};

/// The type of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnSchema {
    /// Values.
    Plain(DType),
    /// Values with a mask.
    Nullable(DType),
    /// Codes into categories.
    Categorical {
        /// Type of the categories.
        categories: DType,
        /// How many there are.
        len: usize,
        /// Whether their order means something.
        ordered: bool,
    },
}

/// Where a column stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A node with its own encoding.
    Node(String),
    /// Codes whose categories stand elsewhere (tables of version 0.1.0).
    Codes { codes: String, categories: String, ordered: bool },
    /// A field of a record array (tables before 0.7), with the path of its categories if it holds codes.
    Field { array: String, field: usize, categories: Option<String> },
}

/// A column that is not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnHeader {
    /// Its type.
    pub schema: ColumnSchema,
    /// Number of values.
    pub len: usize,
    pub(crate) place: Place,
}

/// A table that is not read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableHeader {
    /// Where it stands.
    pub path: String,
    /// The index.
    pub index: ColumnHeader,
    /// Its name, if it has one.
    pub index_name: Option<String>,
    /// The columns by name, in order.
    pub columns: IndexMap<String, ColumnHeader>,
}

impl ColumnHeader {
    /// Looks at the node of a column.
    pub(crate) fn open(context: &ReadContext, path: &str) -> Result<Self> {
        context.visit(path)?;
        let encoding = Encoding::of(&context.attrs(path)?);
        let (schema, len) = match context.require(path)? {
            NodeKind::Array => {
                let (dtype, len) = values::vector_info(context, path)?;
                (ColumnSchema::Plain(dtype), len)
            }
            NodeKind::Group if encoding.nullable() => {
                let (dtype, len) = values::vector_info(context, &join(path, "values"))?;
                (ColumnSchema::Nullable(dtype), len)
            }
            NodeKind::Group if encoding.is("categorical", "0.2.0") => {
                let (_, len) = values::vector_info(context, &join(path, "codes"))?;
                let ordered = context.attrs(path)?.get("ordered").and_then(AttrValue::as_bool).unwrap_or(false);
                (categorical_schema(context, &join(path, "categories"), ordered)?, len)
            }
            NodeKind::Group => {
                let message = format!("columns of encoding '{}' {} are not known", encoding.name, encoding.version);
                return Err(Error::unsupported(message).at(path));
            }
        };
        Ok(Self { schema, len, place: Place::Node(path.to_owned()) })
    }

    /// Looks at a column of a table of version 0.1.0: values, or codes with an attribute that leads to the categories.
    fn open_old(context: &ReadContext, table: &str, name: &str) -> Result<Self> {
        let path = join(table, name);
        let categories = match context.attrs(&path)?.get("categories") {
            None => return Self::open(context, &path),
            Some(AttrValue::Reference(target)) => target.trim_start_matches('/').to_owned(),
            Some(other) => match other.as_str() {
                Some(target) if target.starts_with('/') => target.trim_start_matches('/').to_owned(),
                Some(target) => join(table, target),
                None => return Err(Error::invalid("attribute 'categories' is not a reference").at(path)),
            },
        };
        let (_, len) = values::vector_info(context, &path)?;
        let ordered = context.attrs(&categories)?.get("ordered").and_then(AttrValue::as_bool).unwrap_or(false);
        let schema = categorical_schema(context, &categories, ordered)?;
        Ok(Self { schema, len, place: Place::Codes { codes: path, categories, ordered } })
    }

    /// Reads the column.
    ///
    /// # Errors
    /// If its values break the rules of their encoding.
    pub fn read(&self, context: &ReadContext) -> Result<Column> {
        match &self.place {
            Place::Node(path) => column::read(context, path),
            Place::Codes { codes, categories, ordered } => {
                let stored = values::read_vector(context, codes)?;
                let categories = column::read(context, categories)?;
                categorical::combine(&stored, categories, *ordered).map_err(|error| error.at(codes))
            }
            Place::Field { array, field, categories } => {
                let stored = values::read_fields(context, array, Some(*field))?.swap_remove(0);
                match categories {
                    None => Ok(Column::Plain(stored)),
                    Some(path) => {
                        let categories = super::legacy::read_categories(context, path)?;
                        categorical::combine(&stored, categories, false).map_err(|error| error.at(path))
                    }
                }
            }
        }
    }
}

fn categorical_schema(context: &ReadContext, categories: &str, ordered: bool) -> Result<ColumnSchema> {
    let header = ColumnHeader::open(context, categories)?;
    match header.schema {
        ColumnSchema::Plain(dtype) | ColumnSchema::Nullable(dtype) => {
            Ok(ColumnSchema::Categorical { categories: dtype, len: header.len, ordered })
        }
        ColumnSchema::Categorical { .. } => {
            Err(Error::unsupported("categories that are categorical themselves").at(categories))
        }
    }
}

impl TableHeader {
    /// Looks at a table of any version: reads attributes, types and lengths only.
    ///
    /// # Errors
    /// If it is not a table, a column is missing, or lengths differ.
    pub fn open(context: &ReadContext, path: &str) -> Result<Self> {
        let header = match context.require(path)? {
            NodeKind::Group => Self::open_group(context, path),
            NodeKind::Array => Self::open_records(context, path),
        };
        header.and_then(Self::check).map_err(|error| error.at(path))
    }

    fn open_group(context: &ReadContext, path: &str) -> Result<Self> {
        let attrs = context.attrs(path)?;
        let encoding = Encoding::of(&attrs);
        if !encoding.dataframe() {
            let message = match encoding.name.as_str() {
                "dataframe" => format!("is a dataframe of version {}, which is not known", encoding.version),
                name => format!("has encoding '{name}', dataframe expected"),
            };
            return Err(Error::invalid(message));
        }
        let old = encoding.version == "0.1.0";
        let key = attrs
            .get("_index")
            .and_then(AttrValue::as_str)
            .ok_or_else(|| Error::invalid("has no attribute '_index' that names the index"))?;
        let open = |name: &str| {
            if old {
                ColumnHeader::open_old(context, path, name)
            } else {
                ColumnHeader::open(context, &join(path, name))
            }
        };
        let mut columns = IndexMap::new();
        for name in column_order(&attrs)? {
            let column = open(&name)?;
            if columns.insert(name.clone(), column).is_some() {
                return Err(Error::invalid(format!("column '{name}' is listed twice")));
            }
        }
        let index_name = (key != dataframe::UNNAMED).then(|| key.to_owned());
        Ok(Self { path: path.to_owned(), index: open(key)?, index_name, columns })
    }

    /// A table before 0.7: one record per row, the first field is the index.
    fn open_records(context: &ReadContext, path: &str) -> Result<Self> {
        let info = values::info(context, path)?;
        let ArrayType::Records(fields) = &info.dtype else {
            return Err(Error::invalid(format!("is an array of {}, a table expected", info.dtype)));
        };
        let &[len] = values::shape_of(&info)?.as_slice() else {
            return Err(Error::invalid(format!("has {} dimensions, 1 expected", info.shape.len())));
        };
        let mut columns = IndexMap::new();
        for (field, spec) in fields.iter().enumerate() {
            if !spec.shape.is_empty() {
                return Err(Error::unsupported(format!("field '{}' has several values per row", spec.name)));
            }
            let place = Place::Field { array: path.to_owned(), field, categories: None };
            columns.insert(spec.name.clone(), ColumnHeader { schema: ColumnSchema::Plain(spec.dtype), len, place });
        }
        let Some((name, index)) = columns.shift_remove_index(0) else {
            return Err(Error::invalid("is a table without fields, an index expected"));
        };
        Ok(Self { path: path.to_owned(), index, index_name: Some(name), columns })
    }

    fn check(self) -> Result<Self> {
        for (name, column) in &self.columns {
            if column.len != self.len() {
                let message = format!("has {} values, {} expected as in the index", column.len, self.len());
                return Err(Error::invalid(message).at(join(&self.path, name)));
            }
        }
        Ok(self)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.index.len
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        [self.len(), self.columns.len()]
    }

    /// Reads the whole table; the index as stored.
    ///
    /// # Errors
    /// If a column breaks the rules of its encoding.
    pub fn read(&self, context: &ReadContext) -> Result<Table> {
        let mut table = Table::new(self.index.read(context)?);
        table.index_name.clone_from(&self.index_name);
        for (name, column) in &self.columns {
            table.columns.insert(name.clone(), column.read(context)?);
        }
        if let Some((name, column)) = table.columns.iter().find(|(_, column)| column.len() != table.len()) {
            let message = format!("has {} values, {} expected as in the index", column.len(), table.len());
            return Err(Error::invalid(message).at(join(&self.path, name)));
        }
        Ok(table)
    }
}

fn column_order(attrs: &Attrs) -> Result<Vec<String>> {
    let order = attrs.get("column-order").ok_or_else(|| Error::invalid("has no attribute 'column-order'"))?;
    let order = order.as_texts().ok_or_else(|| Error::invalid("attribute 'column-order' is not text"))?;
    Ok(order.iter().map(str::to_owned).collect())
}
