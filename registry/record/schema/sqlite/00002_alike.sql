-- +goose Up

-- Names that look alike, by what Name.Skeleton makes of them.
CREATE INDEX package_skeleton ON package (eco, replace(replace(replace(replace(replace(replace(lower(key), '-', ''), '_', ''), '.', ''), 'i', 'l'), '1', 'l'), '0', 'o'));
