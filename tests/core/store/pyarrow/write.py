"""Writes Parquet files and cases.json beside them: {"name", "file", "table", "mapping", "strict", "expected"}.

    write.py FOLDER      with pyarrow; called by check.py

Rows are written as in the C++ tests: (cell,cell) with null and, behind them, what was counted.
"""
import datetime
import decimal
import json
import os
import sys
import uuid

import numpy
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption

COLUMNS = "bool int long real decimal datetime timespan string guid dynamic".split()
TABLE = ", ".join("%s:%s" % (name, name) for name in COLUMNS)
ALL = json.dumps([{"Column": name, "Path": "$.v"} for name in COLUMNS])
NOTHING = "(null,null,null,null,null,null,null,,null,null)"

decimal_of = decimal.Decimal
moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)
NANOS = 1767323045123456789  # 2026-01-02T03:04:05.123456789Z


def numpy_half(value):
    return numpy.float16(value)


def types():
    """name, values, options of the writer, the row of the first value, how many of its cells do not fit."""
    for bits in (8, 16, 32, 64):
        for kind, real in (("int", "7.0"), ("uint", "null" if bits == 64 else "7.0")):
            yield ("%s%d" % (kind, bits), pa.array([7, None], getattr(pa, "%s%d" % (kind, bits))()), {},
                   "(true,7,7,%s,7,null,null,7,null,null)" % real, 5 if real == "null" else 4)
    yield ("int64_lowest", pa.array([-2**63, None], pa.int64()), {},
           "(true,null,-9223372036854775808,-9.223372036854775808e+18,-9223372036854775808,null,null,-9223372036854775808,null,null)".replace(
               "-9.223372036854775808e+18", "-9.223372036854776e+18"), 5)
    yield ("FM127_uint64", pa.array([2**63, None], pa.uint64()), {},
           "(true,null,null,null,9223372036854775808,null,null,9223372036854775808,null,null)", 7)
    yield ("uint64_highest", pa.array([2**64 - 1, None], pa.uint64()), {},
           "(true,null,null,null,18446744073709551615,null,null,18446744073709551615,null,null)", 7)
    yield ("boolean", pa.array([True, None]), {}, "(true,null,null,null,1,null,null,true,null,null)", 7)
    for name, array in (("float16", pa.array([numpy_half(1.5), None], pa.float16())),
                        ("float32", pa.array([1.5, None], pa.float32())), ("float64", pa.array([1.5, None], pa.float64()))):
        yield name, array, {}, "(true,null,null,1.5,1.5,null,null,1.5,null,null)", 6
    yield ("float64_whole", pa.array([-3.0, None], pa.float64()), {}, "(true,-3,-3,-3.0,-3,null,null,-3.0,null,null)", 4)
    yield ("float64_nan", pa.array([float("nan"), None], pa.float64()), {},
           "(true,null,null,NaN,null,null,null,NaN,null,null)", 7)
    as_integer = {"store_decimal_as_integer": True}
    yield ("decimal_int32", pa.array([decimal_of("2.00"), None], pa.decimal128(5, 2)), as_integer,
           "(true,2,2,2.0,2,null,null,2.00,null,null)", 4)
    yield ("decimal_int64", pa.array([decimal_of("-1.50"), None], pa.decimal128(15, 2)), as_integer,
           "(true,null,null,-1.5,-1.5,null,null,-1.50,null,null)", 6)
    for precision in (5, 15, 30, 38):
        yield ("decimal_bytes_%d" % precision, pa.array([decimal_of("2.00"), None], pa.decimal128(precision, 2)), {},
               "(null,null,2,2.0,2,null,null,2.00,null,null)", 6)
    yield ("decimal_longest", pa.array([decimal_of("123456789012345678901234567890123456.25"), None], pa.decimal128(38, 2)), {},
           "(null,null,null,1.2345678901234568e+35,null,null,null,123456789012345678901234567890123456.25,null,null)", 8)
    for name, kind in (("float32", pa.float32()), ("float64", pa.float64())):
        yield ("%s_split" % name, pa.array([1.5, None], kind), {"use_dictionary": False, "column_encoding": {"v": "BYTE_STREAM_SPLIT"}},
               "(true,null,null,1.5,1.5,null,null,1.5,null,null)", 6)
    yield ("decimal_beyond", pa.array([decimal_of("1.50"), None], pa.decimal256(50, 2)), {}, NOTHING, 10)
    for unit, digits, version in (("s", "", "2.6"), ("ms", ".6780000", "2.6"), ("us", ".6789010", "2.6"), ("us", ".6789010", "1.0")):
        for zone in (None, "UTC", "Asia/Tokyo"):
            value = moment if zone is None else moment.replace(tzinfo=datetime.timezone.utc)
            full = "2026-01-02T03:04:05%sZ" % (digits or ".0000000")
            yield ("timestamp_%s_%s_%s" % (unit, (zone or "plain").replace("/", "_"), version[0]),
                   pa.array([value, None], pa.timestamp("us", tz=zone)).cast(pa.timestamp(unit, tz=zone), safe=False),
                   {"version": version},
                   "(null,null,null,null,null,2026-01-02T03:04:05%sZ,null,%s,null,null)" % (digits, full), 8)
    for zone in (None, "UTC"):
        yield ("timestamp_ns_%s" % (zone or "plain"), pa.array([NANOS, None], pa.timestamp("ns", tz=zone)), {},
               "(null,null,null,null,null,2026-01-02T03:04:05.1234567Z,null,2026-01-02T03:04:05.1234567Z,null,null)", 8)
    yield ("timestamp_int96", pa.array([moment, None], pa.timestamp("us")), {"use_deprecated_int96_timestamps": True},
           "(null,null,null,null,null,2026-01-02T03:04:05.6789010Z,null,2026-01-02T03:04:05.6789010Z,null,null)", 8)
    for name, kind in (("date32", pa.date32()), ("date64", pa.date64())):
        yield (name, pa.array([datetime.date(2026, 1, 2), None], kind), {},
               "(null,null,null,null,null,2026-01-02T00:00:00Z,null,2026-01-02,null,null)", 8)
    for unit, width, ticks in (("s", 32, 1), ("ms", 32, 1000), ("us", 64, 10**6), ("ns", 64, 10**9)):
        kind = getattr(pa, "time%d" % width)(unit)
        yield ("time_" + unit, pa.array([3723 * ticks, None], pa.int32() if width == 32 else pa.int64()).cast(kind), {},
               "(null,null,null,null,null,null,01:02:03,01:02:03,null,null)", 8)
    yield ("time_fraction", pa.array([3723500000, None], pa.int64()).cast(pa.time64("us")), {},
           "(null,null,null,null,null,null,01:02:03.5000000,01:02:03.5000000,null,null)", 8)
    for name, kind in (("string", pa.string()), ("large_string", pa.large_string()), ("string_view", pa.string_view())):
        yield (name, pa.array(["12", None], kind), {}, "(null,12,12,12.0,12,null,null,12,null,12)", 4)
    yield ("string_time", pa.array(["2026-01-01", None]), {},
           '(null,null,null,null,null,null,null,2026-01-01,null,"2026-01-01")', 8)
    yield ("string_dictionary", pa.array(["on", None]).dictionary_encode(), {},
           '(null,null,null,null,null,null,null,on,null,"on")', 8)
    yield ("bytes", pa.array([b"ab", None], pa.binary()), {}, '(null,null,null,null,null,null,null,ab,null,"ab")', 8)
    yield ("bytes_fixed", pa.array([b"abc", None], pa.binary(3)), {}, NOTHING, 10)
    number = uuid.UUID("0d3c1a2b-0000-4000-8000-000000000001")
    yield ("uuid", pa.array([number.bytes, None], pa.uuid()), {},
           "(null,null,null,null,null,null,null,%s,%s,null)" % (number, number), 8)
    yield ("json", pa.array(['{"a": [1, 2]}', None], pa.json_()), {},
           '(null,null,null,null,null,null,null,{"a": [1, 2]},null,{"a":[1,2]})', 8)
    nested = "(null,null,null,null,null,null,null,,null,%s)"
    yield "list", pa.array([[1, None, 3], None]), {}, nested % "[1,null,3]", 9
    yield "list_empty", pa.array([[], None], pa.list_(pa.int32())), {}, nested % "[]", 9
    yield "list_fixed", pa.array([[1, 2], None], pa.list_(pa.int32(), 2)), {}, nested % "[1,2]", 9
    yield "list_large", pa.array([["x"], None], pa.large_list(pa.string())), {}, nested % '["x"]', 9
    yield "list_of_lists", pa.array([[[1], [], None], None], pa.list_(pa.list_(pa.int64()))), {}, nested % "[[1],[],null]", 9
    yield ("map", pa.array([[("k", 1), ("l", None)], None], pa.map_(pa.string(), pa.int64())), {},
           nested % '{"k":1,"l":null}', 9)
    yield ("map_of_numbers", pa.array([[(1, "x")], None], pa.map_(pa.int32(), pa.string())), {},
           nested % '[{"key":1,"value":"x"}]', 9)
    yield ("struct", pa.array([{"a": 1, "b": None, "c": {"d": [moment]}}, None]), {},
           nested % '{"a":1,"b":null,"c":{"d":["2026-01-02T03:04:05.6789010Z"]}}', 9)
    everything = {"f": 1.5, "t": datetime.date(2026, 1, 2), "n": decimal_of("1.50"), "w": decimal_of("123456789012345678901234.5"),
                  "u": 2**63, "b": b"ab", "m": [("k", [datetime.time(1, 2, 3)])]}
    yield ("nested_of_everything", pa.array([[everything], None], pa.list_(pa.struct([
        ("f", pa.float32()), ("t", pa.date32()), ("n", pa.decimal128(5, 2)), ("w", pa.decimal128(38, 1)), ("u", pa.uint64()),
        ("b", pa.binary()), ("m", pa.map_(pa.string(), pa.list_(pa.time64("us"))))]))), {},
           nested % '[{"f":1.5,"t":"2026-01-02","n":1.50,"w":123456789012345678901234.5,"u":9223372036854775808,"b":"ab",'
           '"m":{"k":["01:02:03"]}}]', 9)
    yield "decimal_beyond_inside", pa.array([{"a": decimal_of("1.5")}, None], pa.struct([("a", pa.decimal256(50, 1))])), {}, NOTHING, 10
    yield "null", pa.nulls(1), {}, NOTHING, 0


def rows_of(count):
    return " ".join("(%s,%s)" % ("text %d" % i if i % 7 else "", i * i if i % 5 else "null") for i in range(count))


def layouts():
    """name, options of the writer: the same 3000 rows each time."""
    for codec in "none snappy gzip brotli zstd lz4".split():
        yield "codec_" + codec, {"compression": codec}
    for version in ("1.0", "2.0"):
        for codec in ("none", "zstd"):
            yield "pages_%s_%s" % (version[0], codec), {"data_page_version": version, "compression": codec, "data_page_size": 512}
    yield "dictionary", {"use_dictionary": True}
    yield "no_dictionary", {"use_dictionary": False}
    yield "groups", {"row_group_size": 100}
    plain = {"use_dictionary": False, "data_page_version": "2.0"}
    for encoding in ("PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"):
        yield "texts_" + encoding.lower(), dict(plain, column_encoding={"a": encoding, "b": "PLAIN"})
    yield "numbers_delta_binary_packed", dict(plain, column_encoding={"a": "PLAIN", "b": "DELTA_BINARY_PACKED"})
    yield "statistics_and_index", {"write_statistics": True, "write_page_index": True, "write_page_checksum": True}


def transforms():
    """name, table, mapping, values by column, expected, strict."""
    def mapping(*elements):
        return json.dumps([dict(zip(("Column", "Path", "Transform"), element)) for element in elements])

    parts = {"p": pa.array([{"name": "n1", "price": 2.5, "d": {"x": 1, "y": 2}}])}
    yield ("FM60_drop_mapped_fields", "name:string, x:int, rest:dynamic",
           mapping(("name", "$.p.name"), ("x", "$.p.d.x"), ("rest", "$.p", "DropMappedFields")), parts,
           '(n1,1,{"price":2.5,"d":{"y":2}})', False)
    yield ("FM61_drop_mapped_fields_of_the_record", "all:dynamic, a:int, i:int",
           mapping(("all", "$", "DropMappedFields"), ("a", "$.a"), ("i", "$.l[0]")),
           {"a": pa.array([1]), "l": pa.array([[5, 6]]), "z": pa.array([0])}, '({"l":[5,6],"z":0},1,5)', False)
    yield ("drop_mapped_fields_of_a_number", "n:long, t:string", mapping(("n", "$.n", "DropMappedFields"), ("t", "$.n")),
           {"n": pa.array([7])}, "(7,7)", False)
    bags = pa.list_(pa.map_(pa.string(), pa.string()))
    yield ("FM62_dictionary", "e:dynamic", mapping(("e", "$.e", "PropertyBagArrayToDictionary")),
           {"e": pa.array([[[("k1", "v1")], [("k2", "2")], [("k1", "v3")]], [], None], bags)},
           '({"k1":"v3","k2":"2"}) ({}) (null)', False)
    yield ("dictionary_of_others", "e:dynamic, m:dynamic, n:dynamic, j:dynamic",
           mapping(*((name, "$." + name, "PropertyBagArrayToDictionary") for name in "emnj")),
           {"e": pa.array([[1, 2]]), "m": pa.array([{"a": 1}]), "n": pa.array([7]),
            "j": pa.array(['[{"x": 1}, {"y": 2}]'], pa.json_())}, '({},{"a":1},null,{"x":1,"y":2}) nulled 1', False)
    yield ("unix_times", "a:datetime, b:datetime, c:string, d:datetime",
           mapping(("a", "$.i", "DateTimeFromUnixSeconds"), ("b", "$.f", "DateTimeFromUnixSeconds"),
                   ("c", "$.s", "DateTimeFromUnixMilliseconds"), ("d", "$.l", "DateTimeFromUnixSeconds")),
           {"i": pa.array([1700000000]), "f": pa.array([1700000000.5]), "s": pa.array(["1700000000123"]), "l": pa.array([[1]])},
           "(2023-11-14T22:13:20Z,2023-11-14T22:13:20.5000000Z,2023-11-14T22:13:20.1230000Z,null) nulled 1", False)
    yield ("strict", "s:string, n:int, l:long", mapping(("s", "$.s"), ("n", "$.n"), ("l", "", "SourceLineNumber")),
           {"s": pa.array(["x", "y", "z"]), "n": pa.array([1, 2**40, 3])},
           '(x,1,1) (z,3,3) refused 1 [2:{"s":"y","n":1099511627776}]', True)
    yield ("strict_nothing_left", "n:int", "", {"n": pa.array([2**40])}, "BadRequest_InvalidBlob", True)
    yield ("strict_nothing_wrong", "n:int, d:dynamic, t:datetime, g:guid", "",
           {"n": pa.array([1, None]), "d": pa.array([[1], None]), "t": pa.array([moment, None], pa.timestamp("us")),
            "g": pa.array([uuid.UUID(int=1).bytes, None], pa.uuid())},
           "(1,[1],2026-01-02T03:04:05.6789010Z,00000000-0000-0000-0000-000000000001) (null,null,null,null)", True)


class Keys(encryption.KmsClient):
    """Wraps keys with nothing: only the form of an encrypted file matters."""

    def __init__(self, _):
        encryption.KmsClient.__init__(self)

    def wrap_key(self, key_bytes, _):
        return key_bytes.hex().encode()

    def unwrap_key(self, wrapped_key, _):
        return bytes.fromhex(wrapped_key.decode())


def encrypted(path, table, plain_footer):
    config = encryption.EncryptionConfiguration(footer_key="f", column_keys={"c": table.column_names},
                                                plaintext_footer=plain_footer)
    properties = encryption.CryptoFactory(Keys).file_encryption_properties(encryption.KmsConnectionConfig(), config)
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)


def main():
    folder, cases = sys.argv[1], []

    def add(name, columns, options, table, mapping, expected, strict=False):
        path = os.path.join(folder, name + ".parquet")
        content = pa.table(columns)
        if callable(options):
            options(path, content)
        else:
            pq.write_table(content, path, **options)
        cases.append({"name": name, "file": path, "table": table, "mapping": mapping, "strict": strict, "expected": expected})

    for name, array, options, row, misfits in types():
        rows = row if name == "null" else "%s %s" % (row, NOTHING)
        add("type_" + name, {"v": array}, options, TABLE, ALL, rows + (" nulled %d" % misfits if misfits else ""))
    count = 3000
    many = {"a": ["text %d" % i if i % 7 else None for i in range(count)],
            "b": pa.array([i * i if i % 5 else None for i in range(count)], pa.int64())}
    for name, options in layouts():
        add("layout_" + name, many, options, "a:string, b:long", "", rows_of(count))
    for name, table, mapping, columns, expected, strict in transforms():
        add("mapping_" + name, columns, {}, table, mapping, expected, strict)
    add("encrypted", {"a": ["x"]}, lambda path, table: encrypted(path, table, False), "a:string", "", "BadRequest_InvalidBlob")
    add("encrypted_columns", {"a": ["x"]}, lambda path, table: encrypted(path, table, True), "a:string", "", "BadRequest_InvalidBlob")
    with open(os.path.join(folder, "cases.json"), "w", encoding="utf-8") as file:
        json.dump(cases, file)


if __name__ == "__main__":
    main()
