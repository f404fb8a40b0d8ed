//! The part of JSON Schema that the OpenAPI document uses: a check, and values at random.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// The OpenAPI document.
pub(crate) struct Document(Value);

/// One operation: a method of a path.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) path: String,
    pub(crate) method: String,
    pub(crate) description: Value,
}

impl Document {
    pub(crate) fn new() -> Self {
        Self(serde_json::from_str(include_str!("../../../src/api/openapi.json")).unwrap())
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        let paths = self.0["paths"].as_object().unwrap().iter();
        let all = paths.flat_map(|(path, methods)| {
            methods.as_object().unwrap().iter().map(|(method, description)| Operation {
                path: path.clone(),
                method: method.to_uppercase(),
                description: description.clone(),
            })
        });
        all.collect()
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => self.0.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name}")),
            None => schema,
        }
    }

    /// Returns what is wrong with a value, by this schema.
    pub(crate) fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = self.resolve(schema);
        if let Some(options) = schema["oneOf"].as_array() {
            let fits = options.iter().filter(|option| self.check(option, value).is_ok()).count();
            return if fits == 1 { Ok(()) } else { Err(format!("{fits} options fit {value}")) };
        }
        if !types(schema).iter().any(|kind| is_of(kind, value)) {
            return Err(format!("{value} is no {}", schema["type"]));
        }
        if let Some(allowed) = schema["enum"].as_array() {
            if !allowed.contains(value) {
                return Err(format!("{value} is none of {allowed:?}"));
            }
        }
        match value {
            Value::Object(fields) => self.check_fields(schema, fields),
            Value::Array(items) => items.iter().try_for_each(|item| self.check(&schema["items"], item)),
            _ => Ok(()),
        }
    }

    fn check_fields(&self, schema: &Value, fields: &Map<String, Value>) -> Result<(), String> {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap()) {
                return Err(format!("{name} is missing"));
            }
        }
        for (name, value) in fields {
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(false)) => return Err(format!("{name} is not described")),
                (Value::Null, Value::Null) => {}
                (Value::Null, others) => {
                    self.check(others, value).map_err(|error| format!("{name}: {error}"))?;
                }
                (known, _) => self.check(known, value).map_err(|error| format!("{name}: {error}"))?,
            }
        }
        Ok(())
    }

    /// Returns a value that fits the schema, or nearly so.
    pub(crate) fn generate(&self, schema: &Value, rng: &mut Rng) -> Value {
        let schema = self.resolve(schema);
        if rng.u8(..) < 8 {
            return anything(rng);
        }
        if let Some(options) = schema["oneOf"].as_array() {
            return self.generate(&options[rng.usize(..options.len())], rng);
        }
        if let Some(allowed) = schema["enum"].as_array() {
            return allowed[rng.usize(..allowed.len())].clone();
        }
        let kinds = types(schema);
        match kinds[rng.usize(..kinds.len())] {
            "object" => Value::Object(self.generate_fields(schema, rng)),
            "array" => (0..rng.usize(..4)).map(|_| self.generate(&schema["items"], rng)).collect(),
            "string" => Value::String(text(rng)),
            "integer" => json!([0_u64, 1, 7, 86_400, u64::MAX][rng.usize(..5)]),
            "number" => json!(rng.f64() * 100.0),
            "boolean" => json!(rng.bool()),
            _ => Value::Null,
        }
    }

    fn generate_fields(&self, schema: &Value, rng: &mut Rng) -> Map<String, Value> {
        let mut fields = Map::new();
        for (name, schema_of_field) in schema["properties"].as_object().into_iter().flatten() {
            let is_required = schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
            if is_required || rng.u8(..) < 90 {
                fields.insert(name.clone(), self.generate(schema_of_field, rng));
            }
        }
        if rng.u8(..) < 8 {
            fields.insert(text(rng), anything(rng));
        }
        fields
    }
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => panic!("a schema without a type: {schema}"),
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    }
}

fn anything(rng: &mut Rng) -> Value {
    [json!(null), json!(-1), json!(1.5), json!([[]]), json!({ "a": {} }), json!("\u{0}\r\nx: y"), json!(true)]
        [rng.usize(..7)]
    .clone()
}

/// Returns a text that is valid for something, or for nothing.
pub(crate) fn text(rng: &mut Rng) -> String {
    let texts = [
        "",
        "/",
        "/products/7",
        "/products/*",
        "product:7",
        "u|http|shop.example|/products/7",
        "GET",
        "POST",
        "host",
        "shop.example",
        "https://shop.example/products/7?a=b",
        "a b",
        "é",
        "\u{0}",
        "x\r\ny: z",
        "%zz",
        "{id}",
        "**",
        "standard",
    ];
    match rng.u8(..) {
        0..=3 => "x".repeat(9_000),
        4..=40 => std::iter::repeat_with(|| rng.char(' '..'\u{300}')).take(12).collect(),
        _ => texts[rng.usize(..texts.len())].to_owned(),
    }
}
