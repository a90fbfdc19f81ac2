"""read_stream.py [--digest | --equals ARRAY.npy] FILE.fgs…: a second reader of stream files, written from
schemas/stream.md and none of our code. Prints what each file holds, or the digest of its content, or whether its spins
are those of an array (configurations, rows, columns) of 0 and 1, or packed, eight of a row in a byte, the first the
least significant bit. Exit 1 when a file is not sound."""
import struct
import sys

import numpy
import xxhash
import zstandard

HEAD, HEADER, ENTRY, INDEX, TAIL = 16, 128, 16, 16, 32
FRAME = 4 << 20
EXTENTS_OF_SHAPE = {1: 1, 2: 2, 3: 2, 4: 3, 5: 4}
BITS_OF_ELEMENT = {1: 1, 2: 8, 3: 32}
UNKNOWN = struct.pack("<Q", 0x7FF8000000000000)


class Unsound(Exception):
    """What is wrong with the file."""


def expect(condition, message):
    if not condition:
        raise Unsound(message)


def hashed(data, stored):
    return xxhash.xxh64_intdigest(data, seed=0) == stored


class Batch:
    """A header, checked against the limits; `decode` reads the frames behind it."""

    def __init__(self, header):
        expect(len(header) == HEADER and header[:4] == b"fngp", "no batch begins here")
        fields = struct.unpack("<4sI5Q4QdIiII5B3s2Q", header)
        (_, version, self.length, self.sequence, self.first, self.first_row, self.rows) = fields[:7]
        extents = fields[7:11]
        (self.coupling, self.count, self.level, self.chain, self.frames) = fields[11:16]
        (self.element, self.shape, dims, self.filter, self.compression, zero, self.table_hash, header_hash) = fields[16:]
        expect(hashed(header[:120], header_hash), "the header's hash differs")
        expect(version == 1 and zero == b"\0\0\0", "another version of the format")
        expect(EXTENTS_OF_SHAPE.get(self.shape) == dims and self.element in BITS_OF_ELEMENT, "unknown lattice or element")
        expect(self.filter <= 1 and self.compression <= 1, "unknown filter or compression")
        self.extents = extents[:dims]
        expect(min(self.extents) >= 1 and not any(extents[dims:]), "impossible extents")
        self.width, self.all_rows = self.extents[-1], 1
        for extent in self.extents[:-1]:
            self.all_rows *= extent
        expect(self.width * self.all_rows <= 1 << 40, "too many sites")
        expect(1 <= self.rows and self.first_row + self.rows <= self.all_rows, "impossible rows")
        expect(self.rows == self.all_rows or self.count == 1, "a slab of several configurations")
        self.row_bytes = -(-self.width * BITS_OF_ELEMENT[self.element] // 64) * 8
        self.raw = self.count * self.rows * self.row_bytes
        expect(self.raw <= 1 << 30, "more than 1 GiB")
        expect(self.chain < 1 << 31 and self.first + self.count <= 1 << 63, "impossible chain or index")
        self.frame_rows = max(1, FRAME // self.row_bytes)
        expect(self.frames == -(-self.rows * self.count // self.frame_rows), "another number of frames")
        self.body = HEADER + ENTRY * self.frames
        expect(self.body <= self.length <= self.body + self.raw + self.raw // 256 + 64 * self.frames, "impossible length")

    def same_configuration(self, other):
        mine, theirs = ((b.element, b.shape, b.extents, b.level, b.first, b.chain, number(b.coupling)) for b in (self, other))
        return mine == theirs

    def check(self, data):
        """The stored frames as (raw bytes, stored bytes), their hashes and lengths checked."""
        expect(len(data) == self.length, "it is cut off")
        table = data[HEADER : self.body]
        expect(hashed(table, self.table_hash), "the frame table's hash differs")
        at, left, frames = self.body, self.rows * self.count, []
        for raw, stored, frame_hash in struct.iter_unpack("<IIQ", table):
            rows = min(left, self.frame_rows)
            expect(raw == rows * self.row_bytes, "a frame of another size")
            most = raw + raw // 256 + 64 if self.compression else raw
            expect(raw <= 32768 * stored and stored <= most, "impossible stored size of a frame")
            expect(self.compression or stored == raw, "impossible stored size of a frame")
            expect(hashed(data[at : at + stored], frame_hash), "a frame's hash differs")
            frames.append((raw, data[at : at + stored]))
            at += stored
            left -= rows
        expect(at == self.length, "the frames end elsewhere")
        return frames

    def decode(self, data):
        """Array of bytes (configurations, rows, bytes of a row)."""
        parts = [self.restore(raw, stored) for raw, stored in self.check(data)]
        whole = numpy.concatenate(parts) if parts else numpy.zeros((0, self.row_bytes), numpy.uint8)
        bytes_used, bits_used = divmod(self.width * BITS_OF_ELEMENT[self.element], 8)
        rest = numpy.unpackbits(whole[:, bytes_used:], axis=1, bitorder="little")
        expect(not rest[:, bits_used:].any(), "bits beyond the width")
        return whole.reshape(self.count, self.rows, self.row_bytes)

    def restore(self, raw, stored):
        if self.compression:
            decoder = zstandard.ZstdDecompressor().decompressobj()
            try:
                expect(stored[:4] == b"\x28\xb5\x2f\xfd", "no zstd frame")
                stored = decoder.decompress(stored)
            except zstandard.ZstdError as error:
                raise Unsound(f"zstd: {error}") from error
            expect(decoder.eof and not decoder.unused_data and len(stored) == raw, "not one zstd frame of the right size")
        rows = numpy.frombuffer(stored, numpy.uint8).reshape(-1, self.row_bytes)
        return numpy.bitwise_xor.accumulate(rows, axis=0) if self.filter else rows


def number(coupling):
    return struct.pack("<d", coupling) if coupling == coupling else UNKNOWN


def index_of(data):
    """(offset, length) of the batches from a sound footer, or None."""
    if len(data) < HEAD + 8 + TAIL or data[-8:] != b"fngend!\n":
        return None
    offset, count, footer_hash = struct.unpack("<3Q", data[-TAIL:-8])
    if offset + 8 + INDEX * count + TAIL != len(data) or data[offset : offset + 8] != b"fngindex":
        return None
    if not hashed(data[offset : len(data) - TAIL + 16], footer_hash):
        return None
    index, at = list(struct.iter_unpack("<2Q", data[offset + 8 : -TAIL])), HEAD
    for start, length in index:
        if start != at:
            return None
        at += length
    return index if at == offset else None


def follow(waiting, batch):
    """The slab that must be continued after this batch, or None."""
    row = waiting.first_row + waiting.rows if waiting else 0
    expect(batch.first_row == row and (not waiting or batch.same_configuration(waiting)), "a slab is missing")
    return batch if batch.first_row + batch.rows < batch.all_rows else None


def recover(data):
    """(offset, length) of the whole batches of a torn file and what became of the rest."""
    index, at, waiting, configurations = [], HEAD, None, 0
    good = (0, 0, HEAD)
    try:
        while at < len(data):
            batch = Batch(data[at : at + HEADER])
            batch.check(data[at : at + batch.length])
            waiting = follow(waiting, batch)
            index.append((at, batch.length))
            at += batch.length
            configurations += batch.count if batch.first_row == 0 else 0
            if not waiting:
                good = (len(index), configurations, at)
    except Unsound:
        pass
    count, configurations, end = good
    return index[:count], (
        f"no sound footer: recovered {count} batches, {configurations} configurations; "
        f"{len(data) - end} bytes dropped from byte {end} on"
    )


def read(path):
    """The batches of a file as (header, array) in their order, and a warning or ''."""
    with open(path, "rb") as file:
        data = file.read()
    expect(data[:HEAD] == b"fngrain\n" + struct.pack("<II", 1, 0), "no stream file of version 1")
    index, warning = index_of(data), ""
    if index is None:
        index, warning = recover(data)
    batches, waiting = [], None
    for at, length in index:
        try:
            batch = Batch(data[at : at + HEADER])
            expect(batch.length == length, "the index gives another length")
            waiting = follow(waiting, batch)
            batches.append((batch, batch.decode(data[at : at + length])))
        except Unsound as error:
            raise Unsound(f"batch {len(batches)} at byte {at}: {error}") from error
    expect(not waiting, "the last configuration lacks slabs")
    return batches, warning


def digest(batches):
    state = xxhash.xxh3_128()
    for batch, rows in batches:
        extents = list(batch.extents) + [0] * (4 - len(batch.extents))
        for i in range(batch.count):
            head = struct.pack("<IIIi4QQII8sQ", batch.element, batch.shape, len(batch.extents), batch.level, *extents,
                               batch.first + i, batch.chain, 0, number(batch.coupling), 0)  # fmt: skip
            if batch.first_row == 0:
                state.update(head)
            state.update(rows[i].tobytes())
    return state.hexdigest()


def has_spins(batches, array):
    """Whether the spins, slabs put together, are those of the array."""
    first = batches[0][0]
    expect(all(batch.element == 1 and batch.extents == first.extents for batch, _ in batches), "not spins of one lattice")
    rows = numpy.concatenate([rows.reshape(-1, first.row_bytes) for _, rows in batches])
    rows = rows.reshape(-1, first.all_rows, first.row_bytes)
    if array.shape[-1] == first.width:
        array = numpy.packbits(array, axis=2, bitorder="little")
    return numpy.array_equal(rows[:, :, : -(-first.width // 8)], array)


def describe(batches):
    counts = {}
    for batch, _ in batches:
        key = (batch.level, batch.element, batch.shape, batch.extents)
        counts[key] = counts.get(key, 0) + (batch.count if batch.first_row == 0 else 0)
    for (level, element, shape, extents), count in counts.items():
        size = "x".join(map(str, extents if len(set(extents)) > 1 else extents[:1]))
        print(f"level {level}: {count} configurations of {size}, element {element}, shape {shape}")
    slabs = sum(batch.rows != batch.all_rows for batch, _ in batches)
    zstd = sum(batch.compression for batch, _ in batches)
    filtered = sum(batch.filter for batch, _ in batches)
    print(f"{len(batches)} batches: {slabs} slabs, {zstd} compressed, {filtered} filtered")


def main(options, path):
    batches, warning = read(path)
    if warning:
        print(f"{path}: warning: {warning}", file=sys.stderr)
    if options[:1] == ["--digest"]:
        print(digest(batches), path)
    elif options[:1] == ["--equals"]:
        expect(batches and has_spins(batches, numpy.load(options[1])), f"other spins than in {options[1]}")
    else:
        describe(batches)


if __name__ == "__main__":
    words = {"--digest": 1, "--equals": 2}.get(sys.argv[1], 0)
    status = 0
    for name in sys.argv[1 + words :]:
        try:
            main(sys.argv[1 : 1 + words], name)
        except (Unsound, OSError) as error:
            print(f"{name}: error: {error}", file=sys.stderr)
            status = 1
    sys.exit(status)
