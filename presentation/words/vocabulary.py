"""Names of the vocabulary's codes. Those of dimensions and sub-dimensions are the national movement's towards 100 smart
cities, as used in Pontianak's masterplan 2019-2028."""

from collections.abc import Mapping

from schemas.vocabulary import Band, Dimension, Status

DIMENSIONS: Mapping[str, tuple[str, str]] = {
    Dimension.GOVERNANCE: ("Tata kelola", "Governance"),
    Dimension.BRANDING: ("Branding", "Branding"),
    Dimension.ECONOMY: ("Ekonomi", "Economy"),
    Dimension.LIVING: ("Kehidupan", "Living"),
    Dimension.SOCIETY: ("Masyarakat", "Society"),
    Dimension.ENVIRONMENT: ("Lingkungan", "Environment"),
}

SUB_DIMENSIONS: Mapping[str, tuple[str, str]] = {
    "public_service": ("Layanan publik", "Public service"),
    "bureaucracy": ("Tata kelola birokrasi", "Bureaucracy"),
    "public_policy": ("Kebijakan publik", "Public policy"),
    "tourism": ("Branding pariwisata", "Tourism"),
    "business": ("Branding bisnis", "Business"),
    "city_appearance": ("Wajah kota", "City appearance"),
    "competitive_industry": ("Industri daya saing", "Competitive industry"),
    "welfare": ("Kesejahteraan rakyat", "Welfare"),
    "transactions": ("Ekosistem transaksi", "Transactions"),
    "spatial_harmony": ("Harmonisasi tata ruang", "Spatial harmony"),
    "health": ("Kesehatan", "Health"),
    "mobility": ("Mobilitas", "Mobility"),
    "community": ("Komunitas", "Community"),
    "learning": ("Ekosistem belajar", "Learning"),
    "security": ("Sistem keamanan", "Security"),
    "protection": ("Proteksi lingkungan", "Protection"),
    "waste": ("Tata kelola sampah dan limbah", "Waste"),
    "energy": ("Energi", "Energy"),
}

STATUSES: Mapping[str, tuple[str, str]] = {
    Status.NOT_STARTED: ("Belum dimulai", "Not started"),
    Status.IN_PROGRESS: ("Sedang berjalan", "In progress"),
    Status.REALIZED: ("Terealisasi", "Realized"),
    Status.BLOCKED: ("Terhambat", "Blocked"),
    Status.CANCELLED: ("Dibatalkan", "Cancelled"),
}

BANDS: Mapping[str, tuple[str, str]] = {
    Band.VERY_HIGH: ("Sangat tinggi", "Very high"),
    Band.HIGH: ("Tinggi", "High"),
    Band.MEDIUM: ("Sedang", "Medium"),
    Band.LOW: ("Rendah", "Low"),
    Band.VERY_LOW: ("Sangat rendah", "Very low"),
}
