#include "core/kql/row_function.hpp"

#include <numbers>
#include <span>

/// convert_length() and its relatives: units of measurement.
namespace sluice::kql {
namespace {

/// How many base units one of it is.
struct Unit {
    std::string_view name;
    double size;
};

constexpr double kPi = std::numbers::pi;

constexpr Unit kAngle[] = {
    // degrees
    {"Arcminute", 1.0 / 60},
    {"Arcsecond", 1.0 / 3600},
    {"Centiradian", 1.8 / kPi},
    {"Deciradian", 18 / kPi},
    {"Degree", 1},
    {"Gradian", 0.9},
    {"Microdegree", 1e-6},
    {"Microradian", 180e-6 / kPi},
    {"Millidegree", 1e-3},
    {"Milliradian", 180e-3 / kPi},
    {"Nanodegree", 1e-9},
    {"Nanoradian", 180e-9 / kPi},
    {"NatoMil", 360.0 / 6400},
    {"Radian", 180 / kPi},
    {"Revolution", 360},
};

constexpr double kBtu = 1055.05585262, kCalorie = 4.184, kElectronVolt = 1.602176565e-19;

constexpr Unit kEnergy[] = {
    // joules
    {"BritishThermalUnit", kBtu},
    {"Calorie", kCalorie},
    {"DecathermEc", 1e6 * kBtu},
    {"DecathermImperial", 1e6 * kBtu},
    {"DecathermUs", 1.054804e9},
    {"ElectronVolt", kElectronVolt},
    {"Erg", 1e-7},
    {"FootPound", 1.355817948},
    {"GigabritishThermalUnit", 1e9 * kBtu},
    {"GigaelectronVolt", 1e9 * kElectronVolt},
    {"Gigajoule", 1e9},
    {"GigawattDay", 86400e9},
    {"GigawattHour", 3600e9},
    {"HorsepowerHour", 2.6845195377e6},
    {"Joule", 1},
    {"KilobritishThermalUnit", 1e3 * kBtu},
    {"Kilocalorie", 1e3 * kCalorie},
    {"KiloelectronVolt", 1e3 * kElectronVolt},
    {"Kilojoule", 1e3},
    {"KilowattDay", 86400e3},
    {"KilowattHour", 3600e3},
    {"MegabritishThermalUnit", 1e6 * kBtu},
    {"Megacalorie", 1e6 * kCalorie},
    {"MegaelectronVolt", 1e6 * kElectronVolt},
    {"Megajoule", 1e6},
    {"MegawattDay", 86400e6},
    {"MegawattHour", 3600e6},
    {"Millijoule", 1e-3},
    {"TeraelectronVolt", 1e12 * kElectronVolt},
    {"TerawattDay", 86400e12},
    {"TerawattHour", 3600e12},
    {"ThermEc", 1e5 * kBtu},
    {"ThermImperial", 1e5 * kBtu},
    {"ThermUs", 1.054804e8},
    {"WattDay", 86400},
    {"WattHour", 3600},
};

constexpr double kGravity = 9.80665, kPoundForce = 4.4482216152605;

constexpr Unit kForce[] = {
    // newtons
    {"Decanewton", 10},
    {"Dyn", 1e-5},
    {"KilogramForce", kGravity},
    {"Kilonewton", 1e3},
    {"KiloPond", kGravity},
    {"KilopoundForce", 1e3 * kPoundForce},
    {"Meganewton", 1e6},
    {"Micronewton", 1e-6},
    {"Millinewton", 1e-3},
    {"Newton", 1},
    {"OunceForce", kPoundForce / 16},
    {"Poundal", 0.138254954376},
    {"PoundForce", kPoundForce},
    {"ShortTonForce", 2000 * kPoundForce},
    {"TonneForce", 1e3 * kGravity},
};

constexpr double kInch = 0.0254, kLightYear = 9.46073047258e15, kParsec = 3.08567758128e16;

constexpr Unit kLength[] = {
    // meters
    {"Angstrom", 1e-10},
    {"AstronomicalUnit", 1.4959787070e11},
    {"Centimeter", 1e-2},
    {"Chain", 20.1168},
    {"DataMile", 1828.8},
    {"Decameter", 10},
    {"Decimeter", 0.1},
    {"DtpPica", kInch / 6},
    {"DtpPoint", kInch / 72},
    {"Fathom", 1.8288},
    {"Foot", 0.3048},
    {"Hand", 0.1016},
    {"Hectometer", 100},
    {"Inch", kInch},
    {"KilolightYear", 1e3 * kLightYear},
    {"Kilometer", 1e3},
    {"Kiloparsec", 1e3 * kParsec},
    {"LightYear", kLightYear},
    {"MegalightYear", 1e6 * kLightYear},
    {"Megaparsec", 1e6 * kParsec},
    {"Meter", 1},
    {"Microinch", 1e-6 * kInch},
    {"Micrometer", 1e-6},
    {"Mil", 1e-3 * kInch},
    {"Mile", 1609.344},
    {"Millimeter", 1e-3},
    {"Nanometer", 1e-9},
    {"NauticalMile", 1852},
    {"Parsec", kParsec},
    {"PrinterPica", kInch * 400 / 2409},
    {"PrinterPoint", kInch / 72.27},
    {"Shackle", 27.432},
    {"SolarRadius", 6.95510e8},
    {"Twip", kInch / 1440},
    {"UsSurveyFoot", 1200.0 / 3937},
    {"Yard", 0.9144},
};

constexpr double kPound = 0.45359237;

constexpr Unit kMass[] = {
    // kilograms
    {"Centigram", 1e-5},
    {"Decagram", 1e-2},
    {"Decigram", 1e-4},
    {"EarthMass", 5.9722e24},
    {"Grain", kPound / 7000},
    {"Gram", 1e-3},
    {"Hectogram", 0.1},
    {"Kilogram", 1},
    {"Kilopound", 1e3 * kPound},
    {"Kilotonne", 1e6},
    {"LongHundredweight", 112 * kPound},
    {"LongTon", 2240 * kPound},
    {"Megapound", 1e6 * kPound},
    {"Megatonne", 1e9},
    {"Microgram", 1e-9},
    {"Milligram", 1e-6},
    {"Nanogram", 1e-12},
    {"Ounce", kPound / 16},
    {"Pound", kPound},
    {"ShortHundredweight", 100 * kPound},
    {"ShortTon", 2000 * kPound},
    {"Slug", kPoundForce / 0.3048},
    {"SolarMass", 1.98947e30},
    {"Stone", 14 * kPound},
    {"Tonne", 1e3},
};

constexpr double kMinute = 60, kHour = 3600;

constexpr Unit kSpeed[] = {
    // meters per second
    {"CentimeterPerHour", 1e-2 / kHour},
    {"CentimeterPerMinute", 1e-2 / kMinute},
    {"CentimeterPerSecond", 1e-2},
    {"DecimeterPerMinute", 0.1 / kMinute},
    {"DecimeterPerSecond", 0.1},
    {"FootPerHour", 0.3048 / kHour},
    {"FootPerMinute", 0.3048 / kMinute},
    {"FootPerSecond", 0.3048},
    {"InchPerHour", kInch / kHour},
    {"InchPerMinute", kInch / kMinute},
    {"InchPerSecond", kInch},
    {"KilometerPerHour", 1e3 / kHour},
    {"KilometerPerMinute", 1e3 / kMinute},
    {"KilometerPerSecond", 1e3},
    {"Knot", 1852 / kHour},
    {"MeterPerHour", 1 / kHour},
    {"MeterPerMinute", 1 / kMinute},
    {"MeterPerSecond", 1},
    {"MicrometerPerMinute", 1e-6 / kMinute},
    {"MicrometerPerSecond", 1e-6},
    {"MilePerHour", 1609.344 / kHour},
    {"MillimeterPerHour", 1e-3 / kHour},
    {"MillimeterPerMinute", 1e-3 / kMinute},
    {"MillimeterPerSecond", 1e-3},
    {"NanometerPerMinute", 1e-9 / kMinute},
    {"NanometerPerSecond", 1e-9},
    {"UsSurveyFootPerHour", 1200.0 / 3937 / kHour},
    {"UsSurveyFootPerMinute", 1200.0 / 3937 / kMinute},
    {"UsSurveyFootPerSecond", 1200.0 / 3937},
    {"YardPerHour", 0.9144 / kHour},
    {"YardPerMinute", 0.9144 / kMinute},
    {"YardPerSecond", 0.9144},
};

constexpr double kCubicFoot = 0.028316846592, kUsGallon = 3.785411784e-3, kUkGallon = 4.54609e-3;

constexpr Unit kVolume[] = {
    // cubic meters
    {"AcreFoot", 1233.48183754752},
    {"AuTablespoon", 20e-6},
    {"BoardFoot", kCubicFoot / 12},
    {"Centiliter", 1e-5},
    {"CubicCentimeter", 1e-6},
    {"CubicDecimeter", 1e-3},
    {"CubicFoot", kCubicFoot},
    {"CubicHectometer", 1e6},
    {"CubicInch", kInch* kInch* kInch},
    {"CubicKilometer", 1e9},
    {"CubicMeter", 1},
    {"CubicMicrometer", 1e-18},
    {"CubicMile", 4.168181825440579584e9},
    {"CubicMillimeter", 1e-9},
    {"CubicYard", 27 * kCubicFoot},
    {"Decaliter", 1e-2},
    {"DecausGallon", 10 * kUsGallon},
    {"Deciliter", 1e-4},
    {"DeciusGallon", kUsGallon / 10},
    {"HectocubicFoot", 100 * kCubicFoot},
    {"HectocubicMeter", 100},
    {"Hectoliter", 0.1},
    {"HectousGallon", 100 * kUsGallon},
    {"ImperialBeerBarrel", 36 * kUkGallon},
    {"ImperialGallon", kUkGallon},
    {"ImperialOunce", kUkGallon / 160},
    {"ImperialPint", kUkGallon / 8},
    {"KilocubicFoot", 1e3 * kCubicFoot},
    {"KilocubicMeter", 1e3},
    {"KiloimperialGallon", 1e3 * kUkGallon},
    {"Kiloliter", 1},
    {"KilousGallon", 1e3 * kUsGallon},
    {"Liter", 1e-3},
    {"MegacubicFoot", 1e6 * kCubicFoot},
    {"MegaimperialGallon", 1e6 * kUkGallon},
    {"Megaliter", 1e3},
    {"MegausGallon", 1e6 * kUsGallon},
    {"MetricCup", 250e-6},
    {"MetricTeaspoon", 5e-6},
    {"Microliter", 1e-9},
    {"Milliliter", 1e-6},
    {"OilBarrel", 42 * kUsGallon},
    {"UkTablespoon", 15e-6},
    {"UsBeerBarrel", 31 * kUsGallon},
    {"UsCustomaryCup", kUsGallon / 16},
    {"UsGallon", kUsGallon},
    {"UsLegalCup", 240e-6},
    {"UsOunce", kUsGallon / 128},
    {"UsPint", kUsGallon / 8},
    {"UsQuart", kUsGallon / 4},
    {"UsTablespoon", kUsGallon / 256},
    {"UsTeaspoon", kUsGallon / 768},
};

std::span<const Unit> units_of(std::string_view quantity) {
    if (quantity == "angle")
        return kAngle;
    if (quantity == "energy")
        return kEnergy;
    if (quantity == "force")
        return kForce;
    if (quantity == "length")
        return kLength;
    if (quantity == "mass")
        return kMass;
    if (quantity == "speed")
        return kSpeed;
    return kVolume;
}

std::optional<double> size_of(std::span<const Unit> units, std::string_view name) {
    for (const Unit& unit : units)
        if (unit.name == name)
            return unit.size;
    return std::nullopt;
}

/// Kelvin of a temperature: size * (value + offset).
struct Scale {
    std::string_view name;
    double size, offset;
};

constexpr Scale kScales[] = {
    {"DegreeCelsius", 1, 273.15},           {"DegreeDelisle", -2.0 / 3, -559.725},
    {"DegreeFahrenheit", 5.0 / 9, 459.67},  {"DegreeNewton", 100.0 / 33, 90.1395},
    {"DegreeRankine", 5.0 / 9, 0},          {"DegreeReaumur", 5.0 / 4, 218.52},
    {"DegreeRoemer", 40.0 / 21, 135.90375}, {"Kelvin", 1, 0},
    {"MillidegreeCelsius", 1e-3, 273150},   {"SolarTemperature", 5778, 0},
};

const Scale* scale_of(std::string_view name) {
    for (const Scale& scale : kScales)
        if (scale.name == name)
            return &scale;
    return nullptr;
}

} // namespace

void add_convert_functions(FunctionList& list) {
    list.push_back(row_function("kql_convert", "string real string string", "real", [](const In& in, Out& out) {
        const auto units = units_of(in.text(0));
        const auto from = size_of(units, in.text(2)), to = size_of(units, in.text(3));
        if (!from || !to)
            return out.null();
        out.real(in.real(1) * *from / *to);
    }));
    list.push_back(row_function("kql_convert_temperature", "real string string", "real", [](const In& in, Out& out) {
        const Scale* from = scale_of(in.text(1));
        const Scale* to = scale_of(in.text(2));
        if (!from || !to)
            return out.null();
        if (from == to)
            return out.real(in.real(0));
        out.real(from->size * (in.real(0) + from->offset) / to->size - to->offset);
    }));
}

} // namespace sluice::kql
