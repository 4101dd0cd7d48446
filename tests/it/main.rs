mod environment;
mod schema;
