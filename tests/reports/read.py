"""Reads the reports of a folder with readers that others wrote; says what it read, or stops at the first that is wrong.

read.py SCHEMAS_OF_OTHERS OWN_SCHEMAS REPORTS
"""

import importlib.util
import json
import sys
from pathlib import Path

import duckdb
import jsonschema
import xmlschema
import yaml
from jschema_to_python.to_json import to_json
from junitparser import Failure, JUnitXml, Skipped
from sarif import loader
from sarif_om import SarifLog

theirs, ours, reports = map(Path, sys.argv[1:])


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def undescribed(value, schema, root, path="$"):
    """Fields that the schema does not name: whoever adds a field must describe it."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    for choice in schema.get("anyOf", []):
        if value is not None and choice.get("type") != "null":
            yield from undescribed(value, choice, root, path)
    if isinstance(value, list) and "items" in schema:
        for item in value:
            yield from undescribed(item, schema["items"], root, path + "[]")
    if isinstance(value, dict) and "properties" in schema:
        for key, field in value.items():
            if key in schema["properties"]:
                yield from undescribed(field, schema["properties"][key], root, f"{path}.{key}")
            elif "additionalProperties" not in schema:
                yield f"{path}.{key}"


def read_json():
    names = sorted(ours.glob("*.json"), key=lambda path: -len(path.stem))
    count = 0
    for path in sorted(reports.glob("*.json")):
        schema = load(next(name for name in names if path.stem.startswith(name.stem)))
        validator = jsonschema.Draft202012Validator
        validator.check_schema(schema)
        report = load(path)
        jsonschema.validate(report, schema, cls=validator)
        missing = sorted(set(undescribed(report, schema, schema)))
        assert not missing, f"{path}: docs/schemas does not describe {missing}"
        # a schema that takes anything would take this too
        for field in report:
            broken = {**report, field: object()}
            assert list(validator(schema).iter_errors(broken)), f"{path}: {field} may be anything"
        count += 1
    print(f"reports: {count} JSON documents are of their schemas (jsonschema)")


def read_sarif():
    schema = load(theirs / "sarif-schema-2.1.0.json")
    count = 0
    for path in sorted(reports.glob("*.sarif")):
        log = load(path)
        jsonschema.validate(log, schema, cls=jsonschema.Draft7Validator)
        SarifLog(**{key: value for key, value in log.items() if key in ("version", "runs")})
        [run] = log["runs"]
        read = loader.load_sarif_file(str(path))
        assert read.get_distinct_tool_names() == ["strata"]
        records = read.get_records()
        assert len(records) == len(run["results"]) > 0, path
        rules = run["tool"]["driver"]["rules"]
        assert len({rule["id"] for rule in rules}) == len(rules)
        prints = [result["partialFingerprints"]["strataFinding/v1"] for result in run["results"]]
        assert len(set(prints)) == len(prints), f"{path}: two results have one fingerprint"
        for result, record in zip(run["results"], records):
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert path.stem == "plain" or (record["Location"].endswith("Dockerfile") and record["Line"] >= 1), record
        count += len(records)
        assert to_json(SarifLog(runs=[], version="2.1.0"))
    failed = {record["Code"] for record in loader.load_sarif_file(str(reports / "gate.sarif")).get_records()}
    assert {"gate-max-size", "gate-max-growth", "A4"} <= failed, failed
    print(f"reports: {count} SARIF results are of the standard's schema (jsonschema, sarif-tools, sarif-om)")


def read_junit():
    schema = xmlschema.XMLSchema(theirs / "junit-10.xsd")
    count = 0
    for path in sorted(reports.glob("*.junit")):
        schema.validate(str(path))
        suites = JUnitXml.fromfile(str(path))
        cases = [case for suite in suites for case in suite]
        failed = {case.name for case in cases if any(isinstance(result, Failure) for result in case.result)}
        skipped = [case for case in cases if any(isinstance(result, Skipped) for result in case.result)]
        assert suites.tests == len(cases) and suites.failures == len(failed), path
        assert sum(suite.skipped for suite in suites) == len(skipped), path
        if path.stem == "gate":
            rules = {"max-wasted-percent", "min-efficiency", "max-size", "max-growth", "fail-on"}
            assert failed == rules | {"A3 deleted-file", "A4 deleted-directory"}, failed
        else:
            assert not failed, failed
        count += len(cases)
    print(f"reports: {count} JUnit cases are of Jenkins' schema (xmlschema, junitparser)")


def read_tables():
    """The tables of an audit: their columns are those of docs/audit.md, their sums those of the JSON."""
    tables, audit = reports / "tables", load(reports / "audit-broken.json")
    if not tables.exists():
        return
    document = (ours.parent / "audit.md").read_text(encoding="utf-8")
    types = {"string": "VARCHAR", "int64": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}
    rows = 0
    for section in document.split("### `")[1:]:
        name = section.split("`")[0]
        lines = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
        described = [(line[0].strip("| `"), types[line[1].split(",")[0]]) for line in lines]
        columns = duckdb.sql(f"DESCRIBE SELECT * FROM '{tables / name}'").fetchall()
        assert [column[:2] for column in columns] == described, f"{name}: {columns}"
        required = [line[0].strip("| `") for line in lines if ", or null" not in line[1]]
        for column in required:
            [(nulls,)] = duckdb.sql(f"SELECT count(*) FROM '{tables / name}' WHERE {column} IS NULL").fetchall()
            assert nulls == 0, f"{name}: {column}"
        rows += duckdb.sql(f"SELECT * FROM '{tables / name}'").count("*").fetchall()[0][0]

    def one(query):
        [(value,)] = duckdb.sql(query.format(*(f"'{tables / name}.parquet'" for name in ("images", "layers", "files", "findings")))).fetchall()
        return value

    totals = audit["totals"]
    assert one("SELECT count(*) FROM {0} WHERE error IS NULL") == totals["images"] > 0
    assert one("SELECT count(*) FROM {0} WHERE error IS NOT NULL") == totals["errors"] > 0
    assert one("SELECT sum(wasted_bytes) FROM {0}") == totals["wasted_bytes"] > 0
    assert one("SELECT sum(own_wasted_bytes) FROM {0}") == totals["own_wasted_bytes"]
    assert one("SELECT sum(size_bytes) FROM (SELECT DISTINCT diff_id, size_bytes FROM {1})") == totals["layer_bytes"]
    assert one("SELECT sum(bytes) FROM {2}") == totals["layer_bytes"]
    assert one("SELECT count(DISTINCT diff_id) FROM {2}") == totals["layers"]
    assert one("SELECT sum(wasted_bytes) FROM {1}") == totals["wasted_bytes"]
    assert one("SELECT count(*) FROM {3}") == sum(image["findings"] for image in audit["images"]) > 0
    for image in audit["images"]:
        biggest = duckdb.sql(f"SELECT max(bytes) FROM '{tables / 'findings.parquet'}' WHERE source = $1", params=[image["source"]])
        assert biggest.fetchall()[0][0] == (image["biggest"] or {}).get("bytes"), image
    print(f"reports: {rows} rows of tables are as docs/audit.md says, and sum up as the JSON does (duckdb)")


def read_recipes():
    """The recipes of docs/ci.md, by the schemas of GitHub and GitLab."""
    [package] = importlib.util.find_spec("check_jsonschema").submodule_search_locations
    vendored = Path(package, "builtin_schemas", "vendor")
    document = (ours.parent / "ci.md").read_text(encoding="utf-8")
    recipes = [block.split("\n```")[0] for block in document.split("```yaml\n")[1:]]
    for recipe, name in zip(recipes, ("github-workflows", "gitlab-ci"), strict=True):
        parsed = yaml.safe_load(recipe)
        if True in parsed:
            parsed["on"] = parsed.pop(True)  # YAML 1.1 takes the key for a boolean
        schema = json.loads((vendored / f"{name}.json").read_text(encoding="utf-8"))
        jsonschema.validate(parsed, schema)
    print("reports: both recipes are of the schemas of GitHub and GitLab (check-jsonschema)")


read_json()
read_sarif()
read_junit()
read_tables()
read_recipes()
