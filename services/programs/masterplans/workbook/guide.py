"""The text of the sheet "Petunjuk": instructions for filling in the workbook."""

from typing import Final

RULES: Final = (
    "1. Buku kerja ini memuat satu versi rencana induk (masterplan) secara utuh. Yang diekspor dari Pantau dapat diimpor kembali; tidak ada yang diubah sampai seluruh isinya benar.",
    "2. Lembar Rencana: satu isian per baris. Untuk mengubah rencana, naikkan Versi dengan 1, isi Menggantikan versi dengan versi sebelumnya, dan isi tanggal Berlaku mulai.",
    "3. Lembar Program: satu program per baris, tanpa sel digabung. Judul kolom boleh ditulis dalam bahasa Inggris; urutan kolom bebas; baris tersembunyi ikut dibaca.",
    "4. Bobot seluruh program berjumlah 100. Bila tidak, rencana tetap diterima, tetapi realisasi berbobot tidak dapat dihitung.",
    "5. Pagu anggaran ditulis dalam rupiah bulat per tahun anggaran; kolom pagu boleh ditambah, misalnya Pagu 2027 (Rp). Kosong berarti belum ada pagu, bukan nol.",
    "6. Quick Win: tahun program percepatan; beberapa tahun dipisahkan titik koma. Satu atau dua program per dimensi setiap tahun.",
    "7. Bila ada yang tidak dapat dibaca, impor ditolak dan seluruh kesalahan disebut sekaligus, dengan lembar dan selnya (misalnya Program!F17).",
    "In English: this workbook holds one whole version of a masterplan. What is exported imports again. Nothing is guessed: an import is refused with every error of every cell at once.",
)  # fmt: skip
